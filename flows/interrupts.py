"""Ctrl-C that is never lost.

Python raises KeyboardInterrupt wherever it is, and where that is a destructor or a callback the exception is
printed and forgotten. So the signal is also remembered, and asked for between the stages of a run.
"""

import signal
import threading
from types import FrameType

_received = threading.Event()


def remember() -> None:
    """From now on, in the main thread, remember Ctrl-C beside raising KeyboardInterrupt."""
    signal.signal(signal.SIGINT, _on_interrupt)


def check() -> None:
    """Raise KeyboardInterrupt if Ctrl-C was pressed since `remember`."""
    if _received.is_set():
        raise KeyboardInterrupt


def _on_interrupt(_number: int, _frame: FrameType | None) -> None:
    _received.set()
    raise KeyboardInterrupt
