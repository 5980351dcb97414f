"""Settings of a desk that deals listed options at their quotes, from end-of-day chains."""

from datetime import date
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.domain.data_folder import FolderOfFiles
from pipeline.domain.data_settings import FilesData, history_only
from pipeline.domain.desk import (
    CostSettings,
    Count,
    Desk,
    EvaluationSettings,
    ForecastSettings,
    HedgeSettings,
    MarketSettings,
    OptionSettings,
    PolicySettings,
    RegimeSettings,
    RiskSettings,
    Share,
    WindowSettings,
)
from pipeline.domain.folder_desk import FolderDesk
from pipeline.domain.instruments import Side
from pipeline.domain.settings import Settings
from pipeline.domain.walk_dates import WalkDates

SESSIONS_A_YEAR: Final = 252
YEAR_DAYS: Final = 365


class ChainFiles(FolderOfFiles):
    """The chains, a file a day, and the long history of the underlying that signals are learned on."""

    underlying: str = "SPX"
    files: Annotated[tuple[str, ...], Field(min_length=1)] = ("SPX_*.csv.gz",)
    """Names below the folder, `*` and `?` allowed."""
    history: Annotated[FilesData, AfterValidator(history_only)]
    """Bars and volatility index of the underlying; relative paths are seen from `folder`."""

    @property
    def label(self) -> str:
        """Name of the data in reports and in the ledger of looks."""
        return f"option chains of {self.underlying}"

    def located_history(self) -> FilesData:
        """Return how the history is read, its files seen from the folder of the chains."""
        return self.history.beside(self.place)


class ChainOption(Settings):
    """Which options are dealt: on every start day one of each tenor, delta and right, across the surface."""

    side: Side = "short"
    """Short is sold at the bid and bought back at the ask, long the other way round."""
    tenor_days: Annotated[tuple[Count, ...], Field(min_length=1)] = (7, 14, 30, 60, 90, 180)
    """Calendar days to expiry; the expiry nearest to each is taken."""
    tenor_tolerance: Share = 0.3
    """Largest distance from the tenor, a share of it; beyond it nothing is dealt."""
    deltas: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    """Absolute forward deltas; the strike nearest to each is taken."""
    hold_days: Annotated[int, Field(ge=2, le=60)] = 5
    """Days with quotes until the option is closed; one that expires on that very day is settled."""


class ChainWindows(WalkDates):
    """When hedgers are tested, and how often they are fitted again."""

    learn_start: date
    signals_start: date
    """First out-of-sample signal; before the first chain."""
    test_start: date
    test_end: date
    """Last day on which an option is dealt; it is held beyond it."""
    refit_days: Count = 5
    """Hedgers are fitted again every so many days with quotes."""
    refit_months: Annotated[int, Field(ge=1, le=24)] = 1
    """Regimes and forecasts are."""


class ChainDesk(FolderDesk):
    """One desk file of kind "chain". See `pipeline/desks/spx-chain.toml` for a commented one."""

    data: ChainFiles
    option: ChainOption = ChainOption()
    market: MarketSettings = MarketSettings(rate=0.024)
    costs: CostSettings = CostSettings()
    risk: RiskSettings = RiskSettings()
    windows: ChainWindows
    regimes: RegimeSettings = RegimeSettings(features=("return_1d",))
    forecasts: ForecastSettings = ForecastSettings(horizons=(1, 5, 21, 63, 170))
    policies: PolicySettings = PolicySettings()
    evaluation: EvaluationSettings = EvaluationSettings(block_sessions=10, frontier=0, stress=())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        option = self.option
        longest = max(option.tenor_days) * (1.0 + option.tenor_tolerance) * SESSIONS_A_YEAR / YEAR_DAYS
        if max(self.forecasts.horizons) < longest:
            raise ValueError(
                f"forecasts.horizons must reach the longest option, {longest:.0f} sessions: "
                f"{max(self.forecasts.horizons)} do not"
            )
        if self.evaluation.block_sessions < 2 * option.hold_days:
            raise ValueError(
                f"evaluation.block_sessions is {self.evaluation.block_sessions}: options held for "
                f"{option.hold_days} days overlap, so use at least {2 * option.hold_days}"
            )
        if isinstance(self.regimes.states, str):
            raise ValueError("regimes.states must be a number for a chain desk")
        self.policies.refuse(self.regimes, "limit_aware", kind="a chain desk", trains=True)
        return self

    def through(self, day: date) -> Self:
        """Return the desk tested through `day`; errors as `WalkDates.through`."""
        return self.model_copy(update={"windows": self.windows.through(day, "chain")})

    def for_signals(self) -> Self:
        """Return the desk with every setting that regimes and forecasts do not depend on at its default."""
        read = {name: getattr(self, name) for name in ("seed", "data", "windows", "forecasts")}
        read["regimes"] = self.regimes.unmapped()
        return self.model_construct(name="signals", **read)

    def for_learning(self) -> Self:
        """Return the desk with what training does not depend on at its default."""
        read = {name: getattr(self, name) for name in ("seed", "option", "costs", "risk")}
        underlying = ChainFiles.model_construct(underlying=self.data.underlying)
        return self.model_construct(name="learning", data=underlying, **read)

    def in_steps(self) -> Desk:
        """Return the same desk in the words of a daily one, a day with quotes in the place of a session."""
        return self.of_episodes(1)

    def of_history(self, last: date) -> Desk:
        """Return the daily desk that learns signals on the history, through the session `last`."""
        windows = WindowSettings(
            learn_start=self.windows.learn_start,
            signals_start=self.windows.signals_start,
            test_start=self.windows.test_start,
            test_end=last,
            refit_months=self.windows.refit_months,
        )
        learned = self._daily(windows, self.evaluation, OptionSettings())
        return learned.model_copy(update={"data": self.data.located_history()})

    def of_episodes(self, starts_together: int) -> Desk:
        """Return the daily desk that fits and judges hedgers on episodes, so many of which start on a day."""
        block = self.evaluation.block_sessions * starts_together
        evaluation = self.evaluation.model_copy(update={"block_sessions": block})
        option = OptionSettings(side=self.option.side, sessions=self.option.hold_days)
        return self._daily(WindowSettings(), evaluation, option)

    def _daily(self, windows: WindowSettings, evaluation: EvaluationSettings, option: OptionSettings) -> Desk:
        return Desk.model_construct(
            name=self.name,
            description=self.description,
            seed=self.seed,
            option=option,
            hedge=HedgeSettings(),
            market=self.market,
            costs=self.costs,
            risk=self.risk,
            data=self.data.history,
            windows=windows,
            regimes=self.regimes,
            forecasts=self.forecasts,
            policies=self.policies,
            evaluation=evaluation,
        )
