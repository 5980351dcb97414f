"""What there is to say of a venue's stream while a desk follows it."""

from collections import Counter
from dataclasses import dataclass, field


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
    whole : whether the book is.
    messages : that came.
    held : lines and rows that were refused, by reason.
    behind : seconds for which the oldest message had waited when the loop took it.
    lag : seconds from the newest change of the book until it was known here.
    clock_off : seconds by which the system's clock was set since the desk began.
    """

    stands: bool = False
    made: int = 0
    lost: str = ""
    asked: int = 0
    refused: str = ""
    whole: bool = False
    messages: int = 0
    held: Counter[str] = field(default_factory=Counter)
    behind: float = 0.0
    lag: float = 0.0
    clock_off: float = 0.0

    def facts(self) -> dict[str, str | float]:
        """Return it in words and numbers, by name.

        Examples
        --------
        >>> FeedState(stands=True, made=2, lost="the network", messages=7).facts()["line"]
        'stands, made 2 times, lost last: the network'
        """
        line = "stands" if self.stands else "down"
        told = f"told {self.asked} times" + (f", refused last: {self.refused}" if self.refused else "")
        return {
            "line": f"{line}, made {self.made} times" + (f", lost last: {self.lost}" if self.lost else ""),
            "book": f"{'whole' if self.whole else 'not whole'}, {told}",
            "messages": self.messages,
            "messages held": sum(self.held.values()),
            "loop behind the feed, s": self.behind,
            "feed behind the venue, s": self.lag,
            "system's clock was set by, s": self.clock_off,
        }
