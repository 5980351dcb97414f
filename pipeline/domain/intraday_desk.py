"""Settings of a desk that hedges within the day, on a grid of seconds, through the book as it was."""

import itertools
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from pipeline.domain.alternative_settings import AlternativeData, RecordFile
from pipeline.domain.data_folder import FolderOfFiles
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
    Positive,
    RegimeSettings,
    RiskSettings,
    Share,
    WindowSettings,
)
from pipeline.domain.errors import SettingsError
from pipeline.domain.folder_desk import FolderDesk
from pipeline.domain.gateway_settings import GatewaySettings
from pipeline.domain.instruments import Kind, Side
from pipeline.domain.lstm_settings import Forecasters
from pipeline.domain.order_settings import OrderSettings
from pipeline.domain.overlay_settings import OverlaySettings
from pipeline.domain.own_cost_settings import OwnCosts
from pipeline.domain.own_settings import OwnData
from pipeline.domain.promotion_settings import PromotionSettings
from pipeline.domain.settings import Settings
from pipeline.domain.stream_terms import Terms

YEAR_SECONDS: Final = 365.0 * 86_400.0
Minutes = Annotated[int, Field(ge=1)]


class MarketFiles(FolderOfFiles):
    """The files of one instrument as its venue or vendor ships them; see docs/data.md for the formats."""

    instrument: str
    """Files that state a symbol must state this one, or `terms.instrument`, the venue's name of it."""
    files: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names below the folder, `*` and `?` allowed within one folder."""
    other_files: tuple[str, ...] = ()
    """Quotes, a book or trades of the other one of spot and perpetual, each recognised by the file: they give
    `perpetual_basis`. For `gateway.routed` quotes or a book of the same instrument at a second venue."""
    format: str = ""
    """A format's name, of `files`; empty recognises it by the file."""
    national_best: bool = False
    """Quotes tell one side of one venue a row: build the best of all venues from them."""
    terms: Terms = Terms()
    """What the files do not say of themselves."""
    alternative: AlternativeData = AlternativeData()
    """Relative paths are seen from the folder too."""
    own: OwnData = OwnData()
    """The desk's own records of the instrument; so are their paths."""

    @property
    def records(self) -> dict[str, tuple[RecordFile, ...]]:
        """Files beside the market's, alternative and own, by kind, seen from the folder."""
        if not (self.alternative.given or self.own.given):
            return {}
        return {**self.alternative.located(self.url).given, **self.own.located(self.url).given}

    @property
    def label(self) -> str:
        """Name of the data in reports and in the ledger of looks."""
        return f"market events of {self.instrument}"


class GridSettings(Settings):
    """When the desk decides in its trading hours: every so many seconds, or with every so many events.

    One of the two is given; without either it is once a minute. Seconds run from the first full interval on.
    """

    every_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    every_events: Count | None = None
    counted: Literal["trades", "quotes"] = "trades"
    """The events of `every_events`; quotes are rows of the best bid and ask, of a book every change of it."""
    open: time = time(0)
    close: time | None = None
    """None is midnight: the market does not close."""
    zone: str = "UTC"
    """Of `open`, `close` and the limits of days."""
    stale_after_seconds: Positive = 30.0
    """A book that nobody has said anything of for longer is not believed, and fills nothing."""
    sample_seconds: Positive = 1.0
    """How often the book is looked at for averages over an interval."""

    @field_validator("zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("no such time zone; use a name such as America/New_York") from None
        return name

    @model_validator(mode="before")
    @classmethod
    def _once_a_minute(cls, told: Any) -> Any:
        given = isinstance(told, Mapping) and ("every_seconds" in told or "every_events" in told)
        return told if given or not isinstance(told, Mapping) else {**told, "every_seconds": 60}

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if (self.every_seconds is None) == (self.every_events is None):
            raise ValueError("set one of every_seconds and every_events, not both")
        if self.close is not None and self.close <= self.open:
            raise ValueError("close must be later than open")
        return self

    @property
    def step(self) -> int:
        """Seconds between two decisions.

        Raises
        ------
        SettingsError
            The desk decides with events: no clock says when the next decision is.
        """
        if self.every_seconds is None:
            raise SettingsError(
                f"grid.every_events = {self.every_events}: no clock says when the next decisions are; set "
                "grid.every_seconds instead"
            )
        return self.every_seconds

    @property
    def told(self) -> str:
        """How often the desk decides, in words.

        Examples
        --------
        >>> GridSettings(every_events=500).told
        'every 500 trades'
        """
        if self.every_events is not None:
            return f"every {self.every_events} {self.counted}"
        return f"every {self.every_seconds} s"


class IntradayOption(Settings):
    """The option sold or bought in every episode, marked at a forecast volatility: nobody quotes it."""

    kind: Kind = "call"
    side: Side = "short"
    steps: Annotated[int, Field(ge=2, le=2000)] = 60
    """Life in decisions."""
    moneyness: Positive = 1.0
    start_every: Count = 10
    """A new episode every n-th decision of a day."""
    mark: Literal["har", "log_har", "log_linear", "ewma"] = "har"
    """Which forecast marks it; the hedgers are given LightGBM's."""


class LatencySettings(Settings):
    """From a decision to its arrival at the venue: lognormal, drawn once a decision from the desk's seed."""

    median_seconds: Annotated[float, Field(ge=0)] = 0.05
    spread: Annotated[float, Field(ge=0)] = 0.5
    """Standard deviation of the logarithm."""


class IntradayHedge(Settings):
    """What hedges, in which sizes, and how long orders are on the way."""

    instrument: Literal["spot", "perpetual"] = "spot"
    """What the book is of. A perpetual pays funding: `data.files` must name the history of its venue too."""
    size: Positive = 1.0
    """Units of the underlying that one option is on: orders are as large as that makes them."""
    lot: Annotated[float, Field(ge=0)] = 0.0
    """Smallest order in units of the underlying; 0 is any."""
    order_share: Share = 0.1
    """Of `size`: the order whose crossing cost and impact are looked at and forecast."""
    depth_bps: Positive = 5.0
    """How far from the mid the depth is counted."""
    latency: LatencySettings = LatencySettings()

    @property
    def order_size(self) -> float:
        """Units of the underlying of the order whose cost and impact are looked at."""
        return self.order_share * self.size


class IntradayCosts(Settings):
    """What trading costs beside the book that it meets."""

    fee_bps: Annotated[float, Field(ge=0, lt=1000)] = 0.0
    fixed_fee: Annotated[float, Field(ge=0)] = 0.0
    """Money an order, whatever its size."""
    crossing: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Times what the shown book costs to cross, half-spread and beyond; own fills teach it."""
    unwind: bool = True


class IntradayWindows(Settings):
    """What is learned from when, and tested when; times without a zone are those of the grid."""

    learn_start: datetime | date
    signals_start: datetime | date
    """First out-of-sample signals; policies train from here."""
    test_start: datetime | date
    test_end: datetime | date
    """A date is the whole of its day."""
    refit_minutes: Minutes | None = None
    """All is fitted again this often; None is at the start of every day."""
    embargo_steps: Annotated[int, Field(ge=0)] = 1

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        starts = [instant(each, ZoneInfo("UTC")) for each in (self.learn_start, self.signals_start)]
        ends = [instant(self.test_start, ZoneInfo("UTC")), instant(self.test_end, ZoneInfo("UTC"), end=True)]
        if not all(early < late for early, late in itertools.pairwise([*starts, *ends])):
            raise ValueError("times must run learn_start < signals_start < test_start < test_end")
        return self


def instant(told: datetime | date, zone: ZoneInfo, end: bool = False) -> datetime:
    """Return the instant that a date or time of the desk file means; of a date its start, or its end.

    Examples
    --------
    >>> instant(date(2020, 1, 1), ZoneInfo("UTC"), end=True).isoformat()
    '2020-01-01T23:59:59.999999+00:00'
    """
    if isinstance(told, datetime):
        return told if told.tzinfo else told.replace(tzinfo=zone)
    return datetime.combine(told, time.max if end else time.min, tzinfo=zone)


class IntradayRegimes(RegimeSettings):
    """The regime detector, on features of the decision grid."""

    features: Annotated[tuple[str, ...], Field(min_length=1)] = ("log_variance_20", "log_depth", "log_rate")


class IntradayForecasts(Forecasters):
    """Forecasts of variance, of liquidity and of two events, in decisions ahead."""

    horizons: Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 5, 15, 60)
    """Increasing; the longest covers the option's life."""
    trees: Count = 60
    learning_rate: Share = 0.05
    leaves: Annotated[int, Field(ge=2, le=256)] = 7
    further: tuple[str, ...] = ()
    """Columns of the grid that the trees of every task see beside their own inputs."""
    event_quantile: Share = 0.95
    """Of the training rows, above which a variance is a spike and a crossing cost a liquidity gap."""


class IntradayPolicies(PolicySettings):
    """Which hedgers are compared, and which one a live desk hedges with."""

    live: str = "regime_switched"
    """One of `run`, or one that learned on the desk's days: its file of `networks`, else its champion."""


class IntradayEvaluation(Settings):
    """Bootstrap of the out-of-sample episodes."""

    resamples: Annotated[int, Field(ge=100)] = 2000
    block_steps: Count = 240
    """Mean block of starts in decisions; it must be at least twice an option's life."""
    confidence: Share = 0.95
    frontier: Annotated[int, Field(ge=0, le=50)] = 5
    """Risk aversions, a tenth to ten times the desk's own, at which everything is hedged again; 0: none."""
    demonstration: bool = False
    """Say in the report that so little data demonstrates and does not prove."""


class IntradayDesk(FolderDesk):
    """One desk file of kind "intraday". See `pipeline/desks/bac-intraday.toml` for a commented one."""

    data: MarketFiles
    grid: GridSettings = GridSettings()
    option: IntradayOption = IntradayOption()
    hedge: IntradayHedge = IntradayHedge()
    costs: IntradayCosts = IntradayCosts()
    risk: RiskSettings = RiskSettings()
    windows: IntradayWindows
    regimes: IntradayRegimes = IntradayRegimes()
    forecasts: IntradayForecasts = IntradayForecasts()
    policies: IntradayPolicies = IntradayPolicies()
    evaluation: IntradayEvaluation = IntradayEvaluation()
    overlay: OverlaySettings = OverlaySettings()
    """Rules between the policy and the market, live; a backtest has none."""
    orders: OrderSettings = OrderSettings()
    """How orders are worked, live; a backtest sends each whole, at market."""
    gateway: GatewaySettings = GatewaySettings()
    """Brokers and venues that take them, live."""
    own_costs: OwnCosts = OwnCosts()
    """What own fills teach of latency and costs, at a retrain."""
    promotion: PromotionSettings = PromotionSettings()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if list(self.forecasts.horizons) != sorted(set(self.forecasts.horizons)):
            raise ValueError(f"forecasts.horizons {list(self.forecasts.horizons)} must increase")
        if max(self.forecasts.horizons) < self.option.steps:
            raise ValueError(f"forecasts.horizons must reach the option's life of {self.option.steps} steps")
        if self.evaluation.block_steps < 2 * self.option.steps:
            raise ValueError(
                f"evaluation.block_steps is {self.evaluation.block_steps}: episodes of {self.option.steps} "
                f"steps overlap, so use at least {2 * self.option.steps}"
            )
        self.gateway.check(self.data.terms.instrument or self.data.instrument, self.data.instrument)
        if isinstance(self.regimes.states, str):
            raise ValueError("regimes.states must be a number for an intraday desk")
        if not (self.orders.at_once or self.grid.every_seconds):
            raise ValueError("orders are worked until the next decision: set grid.every_seconds")
        if self.overlay.asks and (self.grid.every_seconds or 0) > self.overlay.approval.deadline_seconds:
            raise ValueError(
                f"overlay.approval.deadline_seconds is {self.overlay.approval.deadline_seconds:g}: answers "
                f"count at decisions, so use at least {self.grid.every_seconds}"
            )
        away = ("limit_aware", "history_slope", "network_slope")
        self.policies.refuse(self.regimes, *away, kind="an intraday desk", trains=True)
        if self.policies.train and self.windows.refit_minutes:
            raise ValueError(
                "policies.train trains before a day, not within it: leave out windows.refit_minutes"
            )
        return self

    @property
    def zone(self) -> ZoneInfo:
        """Of the trading hours and of the windows' times."""
        return ZoneInfo(self.grid.zone)

    @property
    def order_size(self) -> float:
        """Units of the underlying of the order whose cost is forecast."""
        return self.hedge.order_size

    def through(self, day: date) -> Self:
        """Return the desk tested through `day` instead of `windows.test_end`.

        Raises
        ------
        SettingsError
            The test period would end before it starts.
        """
        start = self.windows.test_start
        if instant(day, self.zone, end=True) <= instant(start, self.zone):
            raise SettingsError(f"windows.test_start is {start}, the newest day is {day}: start earlier")
        return self.model_copy(update={"windows": self.windows.model_copy(update={"test_end": day})})

    def executed(self, latency: LatencySettings | None, crossing: float | None) -> Self:
        """Return the desk with another latency and times of the book's cost; None is its own."""
        hedge = self.hedge if latency is None else self.hedge.model_copy(update={"latency": latency})
        costs = self.costs if crossing is None else self.costs.model_copy(update={"crossing": crossing})
        return self.model_copy(update={"hedge": hedge, "costs": costs})

    def for_grid(self) -> Self:
        """Return the desk with every setting that the decision grid does not depend on at its default."""
        read = {name: getattr(self, name) for name in ("seed", "data", "grid", "hedge", "windows")}
        return self.model_construct(name="grid", **read)

    def for_signals(self) -> Self:
        """Return the desk with every setting that regimes and forecasts do not depend on at its default."""
        names = ("seed", "data", "grid", "hedge", "windows", "forecasts")
        read = {name: getattr(self, name) for name in names}
        read["regimes"] = self.regimes.unmapped()
        option = IntradayOption(steps=self.option.steps, mark=self.option.mark)
        return self.model_construct(name="signals", option=option, **read)

    def for_learning(self) -> Self:
        """Return the desk with what training on its stored days does not depend on at its default."""
        names = ("seed", "option", "costs", "risk", "grid", "hedge", "forecasts")
        read = {name: getattr(self, name) for name in names}
        return self.model_construct(name="learning", regimes=self.regimes.unmapped(), **read)

    def in_steps(self) -> Desk:
        """Return the same desk in the words of a daily one, a decision in the place of a session.

        So what fits, tunes and judges hedgers on sessions does it on decisions too.
        """
        own, every = self.evaluation, self.option.start_every
        evaluation = EvaluationSettings.model_construct(
            resamples=own.resamples,
            block_sessions=own.block_steps,
            confidence=own.confidence,
            frontier=own.frontier,
            stress=(),
        )
        forecasts = ForecastSettings.model_construct(
            horizons=self.forecasts.horizons,
            trees=self.forecasts.trees,
            learning_rate=self.forecasts.learning_rate,
            leaves=self.forecasts.leaves,
            further=self.forecasts.further,
            lstm=self.forecasts.lstm,
            chosen=self.forecasts.chosen,
        )
        option = OptionSettings.model_construct(
            kind=self.option.kind,
            side=self.option.side,
            sessions=self.option.steps,
            moneyness=self.option.moneyness,
            start_every=every,
        )
        costs = CostSettings.model_construct(
            fee_bps=self.costs.fee_bps, half_spread_bps=0.0, fixed_fee_bps=0.0, unwind=self.costs.unwind
        )
        return Desk.model_construct(
            name=self.name,
            description=self.description,
            seed=self.seed,
            option=option,
            hedge=HedgeSettings(instrument="spot"),
            market=MarketSettings(rate=0.0, dividend_yield=0.0, atm_ratio=1.0),
            costs=costs,
            risk=self.risk,
            windows=WindowSettings.model_construct(embargo_sessions=self.windows.embargo_steps),
            regimes=self.regimes,
            forecasts=forecasts,
            policies=self.policies,
            evaluation=evaluation,
        )
