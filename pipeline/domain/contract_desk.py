"""Settings of a desk that hedges one listed American option over its life, at its quotes."""

from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.domain.data_folder import FolderOfFiles
from pipeline.domain.data_settings import FilesData, history_only
from pipeline.domain.desk import (
    CostSettings,
    Desk,
    EvaluationSettings,
    ForecastSettings,
    HedgeSettings,
    MarketSettings,
    OptionSettings,
    PolicySettings,
    RegimeSettings,
    RiskSettings,
    WindowSettings,
)
from pipeline.domain.folder_desk import FolderDesk
from pipeline.domain.instruments import Right, Side
from pipeline.domain.settings import Settings
from pipeline.domain.walk_dates import WalkDates

NOT_RUN: Final = frozenset({"limit_aware", "history_slope", "network_slope"})


class ContractFiles(FolderOfFiles):
    """The quotes of the contract, and the long history of its share, from which hedgers learn."""

    underlying: str = "AAPL"
    file: str = "aapl_2015_quote_american.zip"
    """Name below the folder."""
    member: str = ""
    """Which contract of an archive of several."""
    history: Annotated[FilesData, AfterValidator(history_only)]
    """Bars as quoted, their factor file and a volatility index; relative paths are seen from `folder`."""

    @property
    def label(self) -> str:
        """Name of the data in reports and in the ledger of looks."""
        return f"option quotes of {self.underlying}"

    @property
    def contract(self) -> Self:
        """What says which contract it is, and nothing else."""
        own = {name: getattr(self, name) for name in ("underlying", "file", "member")}
        return self.model_construct(**own)

    def located_history(self) -> FilesData:
        """Return how the history is read, its files seen from the folder of the quotes."""
        return self.history.beside(self.place)

    @model_validator(mode="after")
    def _pays_dividends(self) -> Self:
        factors = self.history.factors
        if factors is None or factors.columns.price_factor is None:
            raise ValueError(
                "data.history.factors must name a file with a price_factor: dividends come from it"
            )
        return self


class ContractOption(Settings):
    """How the contract is held; what it is stands in the file of its quotes."""

    side: Side = "short"
    """Short is sold at the bid, long bought at the ask, on the first day with both from `test_start` on."""
    until: Literal["last_quote", "expiry"] = "expiry"
    """`last_quote` closes it at the other side of its last quote; `expiry` keeps the last volatility where
    quotes end, and settles it. Exercise ends it earlier."""
    announced_days: Annotated[int, Field(ge=0, le=120)] = 9
    """Days before its ex-date from which a dividend is known; before, last year's dates and the last amount
    are expected to come again."""


class TrainingSettings(Settings):
    """The options on the history that hedgers are fitted on."""

    sessions: Annotated[int, Field(ge=2, le=252)] = 63
    """Life of each; at the money, dealt on every session before `windows.test_start`."""


class ContractWindows(WalkDates):
    """What is learned on which days, and when the contract is dealt."""

    learn_start: date
    signals_start: date
    """First out-of-sample signal; hedgers train on options dealt from here on."""
    test_start: date
    """The contract is dealt on its first day with quotes from here on."""
    test_end: date
    """Last day of the hedge at the latest."""
    refit_months: Annotated[int, Field(ge=1, le=24)] = 12


class ContractDesk(FolderDesk):
    """One desk file of kind "contract". See `pipeline/desks/aapl-american.toml` for a commented one."""

    data: ContractFiles
    option: ContractOption = ContractOption()
    training: TrainingSettings = TrainingSettings()
    market: MarketSettings = MarketSettings(rate=0.001, dividend_yield=0.0)
    costs: CostSettings = CostSettings()
    risk: RiskSettings = RiskSettings()
    windows: ContractWindows
    regimes: RegimeSettings = RegimeSettings()
    forecasts: ForecastSettings = ForecastSettings(horizons=(1, 5, 21, 63, 126))
    policies: PolicySettings = PolicySettings()
    evaluation: EvaluationSettings = EvaluationSettings(block_sessions=126, frontier=0, stress=())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        life = self.training.sessions
        if max(self.forecasts.horizons) < life:
            raise ValueError(f"forecasts.horizons must reach the training options' life of {life} sessions")
        if self.evaluation.block_sessions < 2 * life:
            raise ValueError(
                f"evaluation.block_sessions is {self.evaluation.block_sessions}: training options of {life} "
                f"sessions overlap, so use at least {2 * life}"
            )
        if self.market.dividend_yield:
            raise ValueError(
                "market.dividend_yield must be 0: dividends are paid in cash, from the factor file"
            )
        if isinstance(self.regimes.states, str):
            raise ValueError("regimes.states must be a number for a contract desk")
        self.policies.refuse(self.regimes, *NOT_RUN, kind="a contract desk", trains=True)
        return self

    def through(self, day: date) -> Self:
        """Return the desk hedged through `day` at the latest; errors as `WalkDates.through`."""
        return self.model_copy(update={"windows": self.windows.through(day, "quote")})

    def for_marks(self) -> Self:
        """Return the desk with every setting that the marks do not depend on at its default."""
        read = {name: getattr(self, name) for name in ("data", "market", "option")}
        return self.model_construct(name="marks", **read)

    def for_signals(self) -> Self:
        """Return the desk with every setting that regimes and forecasts do not depend on at its default."""
        names = ("seed", "data", "windows", "forecasts", "training")
        read = {name: getattr(self, name) for name in names}
        read["regimes"] = self.regimes.unmapped()
        return self.model_construct(name="signals", **read)

    def for_learning(self) -> Self:
        """Return the desk with what training does not depend on at its default."""
        read = {name: getattr(self, name) for name in ("seed", "option", "training", "costs", "risk")}
        return self.model_construct(name="learning", data=self.data.contract, **read)

    def in_steps(self) -> Desk:
        """Return the same desk in the words of a daily one, in the terms of a call."""
        return self.of_training("call", self.market.atm_ratio)

    def of_training(self, right: Right, ratio: float) -> Desk:
        """Return the daily desk that learns signals, and fits hedgers on options at `ratio` × index."""
        windows = WindowSettings(**self.windows.model_dump())
        return Desk.model_construct(
            name=self.name,
            description=self.description,
            seed=self.seed,
            option=OptionSettings(kind=right, side=self.option.side, sessions=self.training.sessions),
            hedge=HedgeSettings(instrument="spot"),
            market=self.market.model_copy(update={"atm_ratio": ratio}),
            costs=self.costs,
            risk=self.risk,
            data=self.data.history,
            windows=windows,
            regimes=self.regimes,
            forecasts=self.forecasts,
            policies=self.policies,
            evaluation=self.evaluation,
        )

    def of_history(self) -> Desk:
        """Return the daily desk that learns signals on the history of the share."""
        learned = self.of_training("call", self.market.atm_ratio)
        return learned.model_copy(update={"data": self.data.located_history()})
