"""What a desk goes on with of what its own fills taught: a latency, and what crossing costs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from pipeline.domain.intraday_desk import IntradayDesk, LatencySettings


@dataclass(frozen=True)
class LearnedCosts:
    """The parts that forecast own fills better than the desk file; one that did not is None.

    Attributes
    ----------
    latency : from a decision to its fill.
    crossing : what crossing costs times what the book shows.
    told : what was estimated, its errors, the book's data and the scores, for people.
    """

    latency: LatencySettings | None = None
    crossing: float | None = None
    told: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether a part has won."""
        return self.latency is not None or self.crossing is not None

    def applied(self, desk: IntradayDesk) -> IntradayDesk:
        """Return the desk with what was learned in the place of what its file says."""
        return desk.executed(self.latency, self.crossing)

    def to_json(self) -> str:
        """Return it as text.

        Examples
        --------
        >>> learned = LearnedCosts(LatencySettings(median_seconds=0.2), told={"orders": 3})
        >>> LearnedCosts.from_json(learned.to_json()) == learned
        True
        """
        latency = None if self.latency is None else self.latency.model_dump()
        return json.dumps({"latency": latency, "crossing": self.crossing, "told": dict(self.told)}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return what `to_json` wrote.

        Raises
        ------
        ValueError, KeyError
            It is something else.
        """
        read = json.loads(text)
        latency = None if read["latency"] is None else LatencySettings(**read["latency"])
        return cls(latency, read["crossing"], read["told"])


NOTHING: Final = LearnedCosts()
"""Where nothing was learned the desk file holds."""
