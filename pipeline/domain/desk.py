"""Desk settings: what is hedged, with what, when, at which cost, on which data and over which windows."""

import tomllib
from collections.abc import Mapping
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from pipeline.domain.book_settings import STRESS, BookSettings, StressWindow
from pipeline.domain.data_settings import DATA_SOURCES, DataSettings, FilesData, SampleData
from pipeline.domain.decision_settings import DecisionSettings
from pipeline.domain.errors import SettingsError
from pipeline.domain.execution_settings import ExecutionSettings
from pipeline.domain.instruments import Kind, Side
from pipeline.domain.limit_settings import LimitSettings
from pipeline.domain.lstm_settings import Forecasters
from pipeline.domain.naming import hint
from pipeline.domain.promotion_settings import PromotionSettings
from pipeline.domain.public_url import SecretError
from pipeline.domain.settings import Settings
from pipeline.domain.walk_dates import WalkDates

BPS = 1e-4
MAXIMUM_COST_BPS = 1000.0

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
DeskName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
SomeSettings = TypeVar("SomeSettings", bound=Settings)


class OptionSettings(Settings):
    """The option sold or bought in every episode."""

    kind: Kind = "call"
    side: Side = "short"
    sessions: Annotated[int, Field(ge=2, le=252)] = 21
    moneyness: Positive = 1.0
    """Strike over spot at the start."""
    start_every: Count = 1
    """A new episode every n-th session."""


class HedgeSettings(Settings):
    """The hedge instrument and when orders reach the market."""

    instrument: Literal["future", "spot"] = "future"
    delay_sessions: Annotated[int, Field(ge=0, le=5)] = 0
    """Sessions between a decision and its fill; the delayed twin of a run is always shown beside it."""
    multiplier: Positive | None = None
    """Units of the underlying in one contract; with it `hedge decide` says orders in contracts too."""


class MarketSettings(Settings):
    """Constants of the market that the data does not carry."""

    rate: Annotated[float, Field(gt=-0.5, lt=0.5)] = 0.01
    """Continuously compounded, annual."""
    dividend_yield: Annotated[float, Field(ge=0, lt=0.5)] = 0.02
    atm_ratio: Annotated[float, Field(gt=0, le=1.5)] = 0.85
    """At-the-money implied volatility over the volatility index: a desk constant, not fitted."""


class CostSettings(Settings):
    """One-way trading cost: fee + half-spread × realised illiquidity (1 in a median session) + fixed fee."""

    fee_bps: Annotated[float, Field(ge=0)] = 0.2
    half_spread_bps: Annotated[float, Field(ge=0)] = 0.8
    fixed_fee_bps: Annotated[float, Field(ge=0, lt=1000)] = 0.0
    """Per trade, whatever its size: bps of the starting spot, for what one option is on."""
    unwind: bool = True
    """Charge the trade that closes the hedge at expiry."""

    @property
    def one_way(self) -> float:
        """Cost of a trade in a session of median liquidity, as a fraction of its value."""
        return (self.fee_bps + self.half_spread_bps) * BPS

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        total = self.fee_bps + self.half_spread_bps
        if total >= MAXIMUM_COST_BPS:
            raise ValueError(
                f"fee_bps + half_spread_bps is {total:g} bps, {total / 100:g} % of the traded value: "
                f"it must be below {MAXIMUM_COST_BPS:g} bps (1 bp = 0.01 %)"
            )
        return self


class RiskSettings(Settings):
    """What the desk minimises."""

    measure: Literal["entropic", "cvar", "mean_sd"] = "entropic"
    aversion: Positive = 1.0
    """Absolute, per unit of money with the spot scaled to 100."""
    cvar_level: Share = 0.95


class WindowSettings(WalkDates):
    """What is learned on which days, and tested on which."""

    learn_start: date = date(1999, 1, 4)
    """Regimes and realised volatility learn from here."""
    signals_start: date = date(2014, 1, 1)
    """First day with out-of-sample signals; policies train from here on."""
    test_start: date = date(2016, 1, 1)
    test_end: date = date(2018, 12, 31)
    refit_months: Annotated[int, Field(ge=1, le=24)] = 6
    embargo_sessions: Annotated[int, Field(ge=0)] = 5


class RegimeRule(Settings):
    """The hedge that `regime_map` uses in one regime."""

    policy: str
    every: Count = 1
    """Re-hedge every n-th session of the episode."""


class RegimeSettings(Settings):
    """The regime detector, and the pre-specified hedge of each regime."""

    detector: Literal["hmm", "kmeans", "jump"] = "hmm"
    states: Annotated[int, Field(ge=2, le=6)] | Literal["bic", "stability"] = 3
    """A number, or the rule that chooses it on the rows before `windows.signals_start`."""
    features: Annotated[tuple[str, ...], Field(min_length=1)] = ("log_parkinson_1d",)
    restarts: Count = 4
    map: dict[str, RegimeRule] = Field(default_factory=dict)
    """Rules by regime name (see `names`); every regime has one."""

    @property
    def count(self) -> int:
        """The number of regimes.

        Raises
        ------
        SettingsError
            It is to be chosen on training rows, and nothing was learned yet.
        """
        if isinstance(self.states, str):
            raise SettingsError(f"regimes.states is {self.states}: their number is known after training")
        return self.states

    @property
    def names(self) -> tuple[str, ...]:
        """Regime names from the calmest to the most turbulent; raises as `count`."""
        return regime_names(self.count)

    def unmapped(self) -> Self:
        """Return the detector without the hedges of its regimes, which nothing learned depends on."""
        return self.model_copy(update={"map": {}})

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.map and isinstance(self.states, str):
            raise ValueError(
                f"map needs states to be a number: with {self.states} it is not known which regimes there "
                "are; leave out [regimes.map], and regime_map from policies.run"
            )
        if self.map and set(self.map) != set(self.names):
            raise ValueError(f"map must have one rule for each of {', '.join(self.names)}")
        return self


class ForecastSettings(Forecasters):
    """Volatility, liquidity and event forecasts."""

    horizons: Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 5, 10, 21)
    """Sessions ahead, increasing; the longest covers the option's life, between them total variance is
    interpolated."""
    trees: Count = 60
    learning_rate: Share = 0.05
    leaves: Annotated[int, Field(ge=2, le=256)] = 7
    further: tuple[str, ...] = ()
    """Features that the trees of every task see beside their own inputs; they may be missing at times."""
    spike_multiple: Annotated[float, Field(gt=1)] = 2.0
    gap_quantile: Share = 0.9

    @model_validator(mode="after")
    def _increasing(self) -> Self:
        if list(self.horizons) != sorted(set(self.horizons)):
            raise ValueError(f"horizons {list(self.horizons)} must increase: {sorted(set(self.horizons))}")
        return self


NetworkFile = Annotated[str, Field(pattern=r"^[^/\\]+$")]


class LearnSettings(Settings):
    """How long a hedger learns in a run of the desk; what is not given is as `hedge train` has it."""

    steps: Annotated[int, Field(ge=1)] | None = None
    """Of the training; an agent's are lives of all its markets."""
    paths: Annotated[int, Field(ge=8, multiple_of=8)] | None = None
    """Of a step."""
    refit: Literal["windows", "once"] = "windows"
    """Whether it is trained again at every test window, on what was known before it, from where the window
    before left it; or once, before the first."""
    refit_steps: Annotated[int, Field(ge=1)] | None = None
    """Of every training but the first; by default a tenth of its steps."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it is trained: auto takes a GPU where PyTorch sees one and the hedger gains from it."""


USUAL: Final = (
    "none",
    "delta_implied",
    "delta_forecast",
    "fixed_band",
    "leland",
    "whalley_wilmott",
    "zakamouline",
    "constant_shift",
    "minimum_variance",
    "regime_map",
    "regime_switched",
)
"""Policies that run where the desk file names none."""


class PolicySettings(Settings):
    """Which hedgers are compared, and how hard the tunable ones are tuned."""

    run: tuple[str, ...] = tuple(name for name in USUAL if name != "regime_map")
    """By default `USUAL`: with `regime_map` where [regimes.map] is given, see `mapped`."""
    budget: Annotated[int, Field(ge=8)] = 60
    """Evaluations on training episodes that each tuned policy may spend at each refit."""
    networks: dict[str, NetworkFile | dict[date, NetworkFile]] = Field(default_factory=dict)
    """By policy the file under `data/networks` that `hedge train --policy` wrote, or files by the first day
    that each serves; without one untrained."""
    train: dict[str, LearnSettings] = Field(default_factory=dict)
    """By policy how it is trained in a run of the desk, on what was known before the test."""

    @model_validator(mode="after")
    def _trains_what_it_runs(self) -> Self:
        for policy in self.train:
            if policy not in self.run:
                raise ValueError(f"policies.train names {policy}, which policies.run does not: name it there")
            if policy in self.networks:
                raise ValueError(f"policies.networks and policies.train both name {policy}: leave one out")
        if empty := [policy for policy, files in self.networks.items() if not files]:
            raise ValueError(f"policies.networks gives {empty[0]} no file: name one, or leave it out")
        return self

    def mapped(self, regimes: RegimeSettings) -> Self:
        """Return the settings in which the policies that run by default have `regime_map` where it has rules.

        Examples
        --------
        >>> PolicySettings().mapped(RegimeSettings()) == PolicySettings()
        True
        """
        chosen = "run" in self.model_fields_set or not regimes.map
        return self if chosen else self.model_copy(update={"run": USUAL})

    def refuse(self, regimes: RegimeSettings, *away: str, kind: str, trains: bool = False) -> None:
        """Refuse what a `kind` of desk cannot run: the policies `away`, and a map without its rules.

        Raises
        ------
        ValueError
            `run` names one of them, or `train` any policy where the kind trains none.
        """
        if self.train and not trains:
            raise ValueError(f"policies.train names {min(self.train)}: {kind} trains no hedger, leave it out")
        dated = [name for name, files in self.networks.items() if not isinstance(files, str)]
        if dated and not trains:
            raise ValueError(f"policies.networks.{dated[0]} has dates: {kind} takes one file for all days")
        if named := sorted(set(away) & set(self.run)):
            raise ValueError(f"policies.run names {named[0]}, which {kind} does not run")
        if "regime_map" in self.run and not regimes.map:
            raise ValueError("policies.run names regime_map but [regimes.map] is empty")


class EvaluationSettings(Settings):
    """Bootstrap of the out-of-sample episodes, and the days of stress that are replayed."""

    resamples: Annotated[int, Field(ge=100)] = 2000
    block_sessions: Annotated[int, Field(ge=1)] = 63
    """Mean block of start days; it must exceed twice an option's life."""
    confidence: Share = 0.95
    frontier: Annotated[int, Field(ge=0, le=50)] = 5
    """Risk aversions, from a tenth to ten times the desk's own, at which every policy is fitted and tested
    again; 0 is none. An odd number has the desk's own among them."""
    stress: tuple[StressWindow, ...] = STRESS


class Desk(Settings):
    """One desk file. See `pipeline/desks/spx-daily.toml` for a commented one."""

    name: DeskName
    description: str = ""
    seed: int = 7
    option: OptionSettings = OptionSettings()
    hedge: HedgeSettings = HedgeSettings()
    market: MarketSettings = MarketSettings()
    costs: CostSettings = CostSettings()
    execution: ExecutionSettings = ExecutionSettings()
    risk: RiskSettings = RiskSettings()
    data: DataSettings = SampleData()
    windows: WindowSettings = WindowSettings()
    regimes: RegimeSettings = RegimeSettings()
    forecasts: ForecastSettings = ForecastSettings()
    policies: PolicySettings = PolicySettings()
    limits: LimitSettings = LimitSettings()
    book: BookSettings = BookSettings()
    decision: DecisionSettings = DecisionSettings()
    promotion: PromotionSettings = PromotionSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @model_validator(mode="after")
    def _mapped(self) -> Self:
        object.__setattr__(self, "policies", self.policies.mapped(self.regimes))
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if max(self.forecasts.horizons) < self.option.sessions:
            raise ValueError(
                f"forecasts.horizons must reach the option's life of {self.option.sessions} sessions"
            )
        if self.evaluation.block_sessions < 2 * self.option.sessions:
            raise ValueError(
                f"evaluation.block_sessions is {self.evaluation.block_sessions}: episodes of "
                f"{self.option.sessions} sessions overlap, so use at least {2 * self.option.sessions}"
            )
        self.policies.refuse(self.regimes, "history_slope", "network_slope", kind="a daily desk", trains=True)
        named = (*self.policies.run, *(rule.policy for rule in self.regimes.map.values()))
        if "limit_aware" in named and self.limits.loss is None:
            raise ValueError("limit_aware hedges by what is left of a loss limit: set limits.loss")
        if self.data.reinvests and self.market.dividend_yield:
            raise ValueError(
                f"market.dividend_yield is {self.market.dividend_yield:g}, and data.factors puts dividends "
                "into the prices: set it to 0, or leave out data.factors.columns.price_factor"
            )
        if isinstance(self.data, FilesData) and self.data.factors and self.book.positions:
            raise ValueError(
                "book.positions has strikes in quoted prices, and data.factors adjusts the prices: leave out "
                "data.factors and give market.dividend_yield, or leave out book.positions"
            )
        if isinstance(self.data, FilesData) and self.data.factors and self.data.own.given:
            raise ValueError(
                "data.own has prices as quoted, and data.factors adjusts those of the market: leave out "
                "data.factors and give market.dividend_yield, or leave out data.own"
            )
        return self

    def through(self, day: date) -> Self:
        """Return the desk tested through `day`; errors as `WalkDates.through`."""
        return self.model_copy(update={"windows": self.windows.through(day, "session")})

    def located(self, folder: Path) -> Self:
        """Return the desk with the paths of its files made absolute, relative ones seen from `folder`."""
        named = ("data", "book", "decision")
        return self.model_copy(update={name: getattr(self, name).located(folder) for name in named})

    def with_states(self, count: int) -> Self:
        """Return the desk with `count` regimes: what a rule chose, where `regimes.states` is one.

        Examples
        --------
        >>> Desk(name="x", policies={"run": ()}, regimes={"states": "bic"}).with_states(2).regimes.names
        ('calm', 'turbulent')
        """
        return self.model_copy(update={"regimes": self.regimes.model_copy(update={"states": count})})

    def for_signals(self) -> Self:
        """Return the desk with every setting that regimes and forecasts do not depend on at its default.

        Two desks that differ in costs or policies only learn the same signals, so these are learned once.

        Examples
        --------
        >>> dear = Desk(name="dear", policies={"run": ()}, costs={"fee_bps": 50.0})
        >>> dear.for_signals() == Desk(name="x", policies={"run": ()}).for_signals()
        True
        """
        learned = {name: getattr(self, name) for name in ("seed", "data", "windows", "regimes", "forecasts")}
        learned["regimes"] = self.regimes.unmapped()
        option = OptionSettings(sessions=self.option.sessions)
        return self.model_construct(name="signals", option=option, **learned)

    def for_learning(self) -> Self:
        """Return the desk with every setting at its default that a hedger which learns does not depend on."""
        told = {name: getattr(self, name) for name in ("seed", "option", "costs", "risk", "execution")}
        late = HedgeSettings(delay_sessions=self.hedge.delay_sessions)
        return self.model_construct(name="learning", hedge=late, **told)


def regime_names(states: int) -> tuple[str, ...]:
    """Return the names of so many regimes, from the calmest to the most turbulent.

    Examples
    --------
    >>> regime_names(4)
    ('calm', 'normal_1', 'normal_2', 'turbulent')
    """
    if states == 2:
        return ("calm", "turbulent")
    middle = ("normal",) if states == 3 else tuple(f"normal_{i}" for i in range(1, states - 1))
    return ("calm", *middle, "turbulent")


def shipped_desks() -> dict[str, str]:
    """Return the text of every desk file shipped with the package, by desk name.

    Examples
    --------
    >>> "spx-daily" in shipped_desks()
    True
    """
    files = resources.files("pipeline.desks").iterdir()
    return {
        file.name.removesuffix(".toml"): file.read_text(encoding="utf-8")
        for file in sorted(files, key=lambda f: f.name)
        if file.name.endswith(".toml")
    }


def load_desk(desk: str) -> Desk:
    """Read a daily desk: the name of a shipped one, or the path of the user's own file.

    Paths of data files are seen from the folder of the desk file. Desks of every kind are read by
    `desk_file.load_any`.

    Raises
    ------
    SettingsError
        The file does not exist, is not TOML, holds an unknown or wrong key, or is a desk of another kind;
        the message names the file, the key and the nearest valid one.
    """
    text, file, folder = desk_text(desk)
    settings = parse_desk(text, file)
    return settings if folder is None else settings.located(folder)


def desk_text(desk: str) -> tuple[str, str, Path | None]:
    """Return the text of a desk, its file for errors, and its folder where it is no shipped one.

    Raises
    ------
    SettingsError
        There is no such desk, or its file cannot be read as text.
    """
    shipped = shipped_desks()
    path = Path(desk)
    if desk in shipped:
        return shipped[desk], f"{desk}.toml", None
    try:
        if path.is_file():
            return path.read_text(encoding="utf-8-sig"), desk, path.resolve().parent
    except OSError as error:
        raise SettingsError(f"{desk}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{desk}: is not UTF-8 text ({error.reason} at byte {error.start})") from None
    raise SettingsError(f"{desk}: no such file, and no shipped desk of that name; {hint(desk, shipped)}")


def parse_desk(text: str, file: str) -> Desk:
    """Parse the text of a daily desk file; `file` names it in errors."""
    keys = desk_keys(text, file)
    if (kind := keys.pop("kind", "daily")) != "daily":
        raise SettingsError(f"{file}: is a desk of kind {kind}: here only daily desks can be used")
    return validated(Desk, keys, file)


def desk_keys(text: str, file: str) -> dict[str, Any]:
    """Parse the text of any desk file as TOML; `file` names it in errors."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: not valid TOML: {error}") from None


def validated(model: type[SomeSettings], keys: Mapping[str, Any], file: str) -> SomeSettings:
    """Return settings made of the keys of a desk file; a fault is told with its key and the nearest one."""
    try:
        return model.model_validate(keys)
    except ValidationError as error:
        raise SettingsError(f"{file}: {_explain(error, model)}") from None


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    faults = error.errors()
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    place = first["loc"]
    key = ".".join(map(str, _written(place))) or "desk"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        return f"unknown key {key}; {hint(str(place[-1]), _valid_keys(place[:-1], model))}{more}"
    if first["type"] == "missing":
        return f"key {key} is missing{more}"
    message = first["msg"].removeprefix("Value error, ")
    secret = isinstance(first.get("ctx", {}).get("error"), SecretError)
    shown = "" if secret or isinstance(first["input"], dict | BaseModel) else f", not {first['input']!r}"
    return f"{key}: {message[0].lower()}{message[1:]}{shown}{more}"


def _written(place: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the place as it is written in the file: without the source that pydantic puts after `data`."""
    tagged = place[:1] == ("data",) and place[1:2] and place[1] in DATA_SOURCES
    return place[:1] + place[2:] if tagged else place


def _valid_keys(place: tuple[Any, ...], model: type[BaseModel]) -> list[str]:
    for part in place:
        field = model.model_fields.get(str(part))
        kinds = (field.annotation, *get_args(field.annotation)) if field else ()
        nested = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if nested:
            model = nested[0]
        elif field is None and part in DATA_SOURCES:
            model = DATA_SOURCES[part]
    return list(model.model_fields)
