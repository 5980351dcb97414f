"""What a monitor is: it sees every decision, and says when something is no longer what it was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from pipeline.backtest.lane import Dealt
from pipeline.domain.instruments import FloatArray


class Severity(StrEnum):
    """How bad it is: look at it, or learn again."""

    WARNING = "warning"
    CRITICAL = "critical"


class Forecast(NamedTuple):
    """A forecast and its interval; NaN where there is none."""

    value: float
    lower: float
    upper: float


NO_FORECAST: Final = Forecast(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class Observed:
    """What the loop publishes of one decision.

    Attributes
    ----------
    at : ns since 1970 UTC.
    day : its name.
    minutes : since the day began.
    mid : of the hedge.
    features : what the models read, by name; NaN where it is not known.
    variance : forecasts of the variance of the next decisions, by their number.
    cost : forecast of the crossing cost until the next decision, a fraction of the mid.
    prob : filtered regime probabilities.
    dealt : the option that is open.
    value : what it is worth at the desk's mark, a fraction of the mid, below zero if it is sold; NaN unknown.
    position : units of the hedge before the decision.
    age : seconds since the newest quote.
    took : seconds from the decision time to its order.
    """

    at: int
    day: str
    minutes: float
    mid: float
    features: Mapping[str, float]
    variance: Mapping[int, Forecast] = field(default_factory=dict)
    cost: Forecast = NO_FORECAST
    prob: Sequence[float] | FloatArray = ()
    dealt: Dealt | None = None
    value: float = float("nan")
    position: float = 0.0
    age: float = 0.0
    took: float = 0.0


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something is no longer what it was.

    Attributes
    ----------
    monitor, feature : who says it, and of what.
    severity : how bad it is.
    said : one sentence.
    at : ns since 1970 UTC of the decision.
    numbers : that it rests on.
    """

    monitor: str
    feature: str
    severity: Severity
    said: str
    at: int
    numbers: Mapping[str, float]


class Monitor(Protocol):
    """Watches the decisions of one desk in their order."""

    name: str

    def watch(self, seen: Observed) -> Sequence[Alarm]:
        """Take in the next decision; return what it gives reason to say, once."""
        ...

    def state(self) -> Mapping[str, float]:
        """Return what it measures now, by feature."""
        ...
