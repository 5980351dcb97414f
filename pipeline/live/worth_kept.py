"""What an account is worth, written down each minute: another day's start goes on from it."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pipeline.live.control import Control
from pipeline.live.hedger import Decided
from pipeline.live.journal import Entry
from pipeline.live.option_account import WORTH
from pipeline.live.order_path import OrderPath

EVERY: Final = 60_000_000_000
"""Of decisions, ns."""


class WorthKept(Control):
    """Audits what an account is worth: each minute of decisions, at the end of a day and of the desk."""

    def __init__(self) -> None:
        self._newest: Decided | None = None
        self._kept = 0

    @contextmanager
    def beside(self, path: OrderPath) -> Iterator[None]:
        """Write down at the end what the newest decision saw; what the journal has is not told again."""
        self._kept = max((each.at for each in path.journal.entries() if each.what == WORTH), default=0)
        yield
        self._keep(path)

    def after(self, decided: Decided, path: OrderPath) -> None:
        """Write down what is due: nothing of a decision made before, or of one that no mid or mark values."""
        if self._newest is not None and self._newest.told.day != decided.told.day:
            self._keep(path)
        worth = decided.worth.hedge + decided.worth.options + decided.worth.drawdown
        if not decided.past and math.isfinite(decided.mid + worth):
            self._newest = decided
        if decided.at - self._kept >= EVERY:
            self._keep(path)

    def _keep(self, path: OrderPath) -> None:
        if self._newest is None or self._newest.at <= self._kept:
            return
        at, told, worth = self._newest.at, self._newest.told, self._newest.worth
        highest = worth.hedge + worth.options + worth.drawdown
        inputs = {"day": told.day, "options": worth.options, "highest": highest}
        path.note(Entry(at, "account", WORTH, "", inputs))
        self._kept = at
