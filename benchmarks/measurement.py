"""One measured figure of one benchmark."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from benchmarks.timing import Timing

Detail = Mapping[str, float | int | str | bool | None]


class MissingDataError(Exception):
    """The data that a benchmark needs is not on this machine."""


@dataclass(frozen=True)
class Measurement:
    """What one benchmark found: our figure, a peer's where there is one, and how sure both are.

    Parameters
    ----------
    name : `benchmark.rest`; the part before the first dot is the module that measured it.
    unit : of `ours` and `peer`: "s", "QLIKE", "bps", "p-value" ...
    ours : our figure; NaN is no figure and needs a `reason`.
    peer : the same of the peer, measured in the same run.
    ratio : of the two, greater is better for us (see `of_timings`).
    timings : the rounds behind `ours` and `peer`, where they are times.
    detail : what else is worth keeping: intervals, sample sizes, p-values.
    reason : why there is no figure.

    Examples
    --------
    >>> Measurement("volatility.qlike_1_with_vix", "QLIKE", 0.1149, detail={"rows": 3080}).record()["ours"]
    0.1149
    """

    name: str
    unit: str
    ours: float
    peer: float | None = None
    ratio: float | None = None
    timings: Mapping[str, Timing] = field(default_factory=dict)
    detail: Detail = field(default_factory=dict)
    reason: str = ""

    def __post_init__(self) -> None:
        if math.isnan(self.ours) != bool(self.reason):
            raise ValueError(f"{self.name}: a figure, or NaN and the reason why there is none")

    @classmethod
    def of_timings(cls, name: str, ours: Timing, peer: Timing | None = None, **detail: Any) -> Self:
        """Return seconds at best, and how many times as long the peer takes at best."""
        timings = {"ours": ours} | ({} if peer is None else {"peer": peer})
        best = None if peer is None else peer.best
        ratio = None if best is None else best / ours.best
        return cls(name, "s", ours.best, best, ratio, timings, detail)

    @classmethod
    def missing(cls, name: str, unit: str, reason: str) -> Self:
        """Return the record of a figure that could not be measured."""
        return cls(name, unit, math.nan, reason=reason)

    @property
    def benchmark(self) -> str:
        """The module that measured it."""
        return self.name.partition(".")[0]

    def record(self) -> dict[str, Any]:
        """Return it as JSON knows it: no NaN, every round's spread."""
        record: dict[str, Any] = {
            "ours": _plain(self.ours),
            "peer": _plain(self.peer),
            "ratio": _plain(self.ratio),
            "unit": self.unit,
        }
        if self.timings:
            record["rounds"] = len(self.timings["ours"].seconds)
            record["spread"] = {who: timing.spread() for who, timing in self.timings.items()}
        if self.detail:
            record["detail"] = {key: _plain(value) for key, value in self.detail.items()}
        if self.reason:
            record["reason"] = self.reason
        return record


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as Python's own, and what JSON has no number for as None."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
