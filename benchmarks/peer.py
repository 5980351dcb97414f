"""A peer in an environment of its own, that takes its turn in an interleaved timing.

The worker process imports its libraries and sets its problem up once. It is then asked for one timed round
at a time and tells the seconds that it measured itself: neither imports nor the pipe count.
"""

import contextlib
import json
import os
import selectors
import subprocess
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

from benchmarks.machine import THREADS

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parent / ".bench"
PATIENCE = 300.0


class PeerError(Exception):
    """A peer cannot be started, fails or does not answer."""


class Peer:
    """A worker script of `benchmarks/peers/`, alive between `with` and its end.

    Parameters
    ----------
    script : name of the script, without `.py`. It hands its functions to `worker.serve`.
    python : interpreter of the peers' environment; by default that of `.bench`.
    patience : seconds to wait for an answer.

    Raises
    ------
    PeerError
        The environment is not there, or the worker ends, fails or stays silent; its own messages are on
        standard error.
    """

    def __init__(self, script: str, python: Path | None = None, patience: float = PATIENCE) -> None:
        self.script, self.patience = script, patience
        self.python = python or ENVIRONMENT / "bin" / "python"

    def __enter__(self) -> Self:
        if not self.python.exists():
            raise PeerError(f"no peers' environment at {self.python.parent.parent.name}: run `make bench`")
        environment = {name: value for name, value in os.environ.items() if name not in THREADS}
        environment.pop("PYTHONPATH", None)
        self._process = subprocess.Popen(
            [self.python, HERE / "peers" / f"{self.script}.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._unread = b""
        try:
            self._answer()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Return the worker's answer to one request; arguments and answer are JSON."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(f"peer {self.script} has ended") from None
        return self._answer()

    def round(self, **arguments: Any) -> float:
        """Return the seconds of one round, as the worker measured them."""
        return float(self.ask("round", **arguments)["seconds"])

    def _answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._line())
        if "error" in answer:
            raise PeerError(f"peer {self.script}: {answer['error']}")
        return answer

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        deadline = monotonic() + self.patience
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not ready.select(max(0.0, deadline - monotonic())):
                    raise PeerError(f"peer {self.script}: no answer within {self.patience:g} s")
                piece = os.read(self._process.stdout.fileno(), 65536)
                if not piece:
                    raise PeerError(f"peer {self.script} has ended")
                self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
