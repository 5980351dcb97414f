"""What there is to say of a venue's stream while a desk follows it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

SLOW: Final = 1.0
"""Seconds from which on a feed is behind."""
SECOND: Final = "second venue: "
"""Before what is said of its stream."""
NAMED: Final = 3
"""Reasons for which messages were held, the most frequent of them."""


@dataclass
class FeedState:
    """The health of a stream, as of now; the feed alone writes it.

    Attributes
    ----------
    stands : whether there is a line to the venue.
    made : how many lines there were.
    lost : why the last one ended.
    asked : how often the book was asked for and told.
    refused : why it was not told the last time.
    whole : whether the book is; None where none is followed.
    messages : that came.
    held : lines and rows that were refused, by reason.
    behind : seconds for which the oldest message had waited when the loop took it.
    lag : seconds from the newest change of the book until it was known here.
    clock_off : seconds by which the system's clock was set since the desk began.
    records : tells how each source of records is: name, value, and whether that is a fault.
    other : that of the second venue's stream, where one is followed.
    """

    stands: bool = False
    made: int = 0
    lost: str = ""
    asked: int = 0
    refused: str = ""
    whole: bool | None = None
    messages: int = 0
    held: Counter[str] = field(default_factory=Counter)
    behind: float = 0.0
    lag: float = 0.0
    clock_off: float = 0.0
    records: Callable[[], Sequence[tuple[str, str, bool]]] = tuple
    other: "FeedState | None" = None

    def facts(self) -> list[dict[str, str | bool]]:
        """Return it in words, each with its `name`, its `value` and whether that is a `fault`.

        Examples
        --------
        >>> facts = FeedState(stands=True, made=2, lost="the network", whole=False).facts()
        >>> [(each["name"], each["value"]) for each in facts if each["name"] in ("line", "book")]
        [('line', 'stands, made 2 times, lost last: the network'), ('book', 'not whole')]
        >>> [each["name"] for each in facts if each["fault"]]
        ['book']
        >>> both = FeedState(stands=True, other=FeedState(lost="refused")).facts()
        >>> [(each["name"], each["value"]) for each in both if each["fault"]]
        [('second venue: line', 'down: refused')]
        """
        known = self._known()
        if self.other is not None:
            known += [(f"{SECOND}{name}", value, fault) for name, value, fault in self.other._known()]
        set_by = ("system's clock was set by", f"{self.clock_off:.3f} s", abs(self.clock_off) > SLOW)
        known += [set_by, *self.records()]
        return [{"name": name, "value": value, "fault": fault} for name, value, fault in known]

    def _known(self) -> list[tuple[str, str, bool]]:
        rows = [
            ("line", self._line(), not self.stands),
            ("book", self._book(), not self.whole),
            ("messages", f"{self.messages:,}", False),
            ("messages held", self._held(), False),
            ("loop behind the feed", f"{self.behind:.3f} s", self.behind > SLOW),
            ("feed behind the venue", f"{self.lag:.3f} s", self.lag > SLOW),
        ]
        return [each for each in rows if each[0] != "book" or self.whole is not None]

    def _line(self) -> str:
        lost = f", lost last: {self.lost}" if self.lost else ""
        if self.stands:
            return f"stands, made {self.made} times{lost}"
        return f"down: {self.lost}" if self.lost else "not made yet"

    def _book(self) -> str:
        asked = f", told {self.asked} times" if self.asked else ""
        refused = f", refused last: {self.refused}" if self.refused else ""
        return f"{'whole' if self.whole else 'not whole'}{asked}{refused}"

    def _held(self) -> str:
        held = dict(self.held)  # the loop goes on meanwhile
        most = sorted(held.items(), key=lambda each: -each[1])[:NAMED]
        why = ", ".join(f"{reason} {count:,}" for reason, count in most)
        return f"{sum(held.values()):,}" + (f": {why}" if why else "")
