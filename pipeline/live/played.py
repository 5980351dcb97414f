"""Markets that are played on the book that a desk sees, and those that go by themselves."""

import math
from collections.abc import Mapping
from typing import Final, Protocol

from pipeline.live.venue import Book


class Played(Protocol):
    """A market that goes on when the desk lets it: it is filled from the desk's own book, at its time."""

    @property
    def due(self) -> float:
        """When the next thing arrives there, ns; infinite for nothing."""
        ...

    def hasten(self, at: int) -> None:
        """Let what is on its way arrive at `at`, ns, at the latest, if it was decided before."""
        ...

    def advance(self, at: int, books: Mapping[str, Book]) -> None:
        """Let everything happen that arrives before `at`, ns, in the books that stood until then."""
        ...


class Elsewhere:
    """A market that goes by itself and has a book of its own: nothing of it waits for the desk's."""

    due: Final = math.inf

    def hasten(self, at: int) -> None:
        """Do nothing."""

    def advance(self, at: int, books: Mapping[str, Book]) -> None:
        """Do nothing: what happens there is reported when it has happened."""
