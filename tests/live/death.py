"""Death of a process at a line of what writes and sends: when is a number, the same for the same seed."""

import os
import signal
from types import CodeType, FrameType
from typing import Any, Final

RECKON: Final = ("account.py", "offers.py", "venue.py")
"""Files that only reckon: between two of their lines nothing that outlives a process has changed."""


class Death:
    """A trace that kills this process at a line of some rooms: of all functions but those of `RECKON`.

    Until `recovered` is set a line counts once, and then each time: a start reads as many lines as its desk
    has lived through, and would else use up those that were drawn before the desk sends anything.

    Parameters
    ----------
    line : which of those that count is the last.
    rooms : ends of the paths of folders, or of single files.
    """

    def __init__(self, line: int, *rooms: str) -> None:
        self._left, self._rooms = line, rooms
        self._seen: set[tuple[CodeType, int]] = set()
        self.recovered = False

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        """Follow a call into the rooms, and no other."""
        place = frame.f_code.co_filename
        folder, _, name = place.rpartition("/")
        here = place.endswith(self._rooms) or folder.endswith(self._rooms)
        return self._line if here and name not in RECKON else None

    def _line(self, frame: FrameType, event: str, _: object) -> Any:
        line = frame.f_code, frame.f_lineno
        if event == "line" and (self.recovered or line not in self._seen):
            self._seen.add(line)
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._line
