"""Settings of a desk that deals listed options at their quotes, from end-of-day chains."""

import itertools
from datetime import date
from pathlib import Path
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
from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import Side
from pipeline.domain.settings import Settings

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
        return self.history.located(self.place)


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


class ChainWindows(Settings):
    """When hedgers are tested, and how often they are fitted again."""

    learn_start: date
    """Regimes and forecasts learn from here."""
    signals_start: date
    """First out-of-sample signal; before the first chain."""
    test_start: date
    test_end: date
    """Last day on which an option is dealt; it is held beyond it."""
    refit_days: Count = 5
    """Hedgers are fitted again every so many days with quotes."""
    refit_months: Annotated[int, Field(ge=1, le=24)] = 1
    """Regimes and forecasts are."""


class ChainDesk(Settings):
    """One desk file of kind "chain". See `pipeline/desks/spx-chain.toml` for a commented one."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    description: str = ""
    seed: int = 7
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
        windows, option = self.windows, self.option
        dates = (windows.learn_start, windows.signals_start, windows.test_start, windows.test_end)
        if not all(early < late for early, late in itertools.pairwise(dates)):
            raise ValueError("dates must run learn_start < signals_start < test_start < test_end")
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
        if "limit_aware" in self.policies.run:
            raise ValueError("policies.run names limit_aware, which a chain desk does not run")
        if "regime_map" in self.policies.run and not self.regimes.map:
            raise ValueError("policies.run names regime_map but [regimes.map] is empty")
        return self

    def located(self, folder: Path) -> Self:
        """Return the desk with the folder of its data made absolute, seen from `folder`."""
        if self.data.folder is None:
            return self
        place = (folder / self.data.folder.expanduser()).resolve()
        return self.model_copy(update={"data": self.data.model_copy(update={"folder": place})})

    def through(self, day: date) -> Self:
        """Return the desk tested through `day` instead of `windows.test_end`.

        Raises
        ------
        SettingsError
            The test period would end before it starts.
        """
        if day <= self.windows.test_start:
            raise SettingsError(
                f"windows.test_start is {self.windows.test_start}, the newest chain is of {day}: move it"
            )
        return self.model_copy(update={"windows": self.windows.model_copy(update={"test_end": day})})

    def for_signals(self) -> Self:
        """Return the desk with every setting that regimes and forecasts do not depend on at its default."""
        read = {name: getattr(self, name) for name in ("seed", "data", "windows", "forecasts")}
        read["regimes"] = self.regimes.model_copy(update={"map": {}})
        return self.model_construct(name="signals", **read)

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
