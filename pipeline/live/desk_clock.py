"""The clock of a live desk: real time that neither stands still nor goes back."""

import time
from collections.abc import Callable


class DeskClock:
    """The system's time when it was begun, and from then on by the system's steady clock.

    A system's clock that is set while a desk is live does not move this one: `off` tells by how much. A new
    process begins at what the system then says.

    Parameters
    ----------
    system, steady : nanoseconds since 1970 UTC, and of a clock that is never set.

    Examples
    --------
    >>> system, steady = iter([100, 190]), iter([7, 17, 17, 27])
    >>> clock = DeskClock(lambda: next(system), lambda: next(steady))
    >>> clock.now(), clock.now(), clock.off()
    (110, 111, 7e-08)
    """

    def __init__(
        self, system: Callable[[], int] = time.time_ns, steady: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._system, self._steady = system, steady
        self._offset, self._last = system() - steady(), 0

    def now(self) -> int:
        """Return the time, ns since 1970 UTC, later than all that were returned before."""
        self._last = max(self._steady() + self._offset, self._last + 1)
        return self._last

    def off(self) -> float:
        """Return by how many seconds the system's clock has been set forward since."""
        return (self._system() - self._steady() - self._offset) / 1e9
