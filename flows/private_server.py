"""A Prefect server for one run: it starts early, is shielded from Ctrl-C, and ends when the run does.

Prefect can start a temporary server by itself, but imports all of the server into the client for it, and
leaves it behind when the client is killed. This one is told to end by the closing of its standard input,
which the operating system does whatever ends the run.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from pipeline.domain.errors import StoreError
from pipeline.ingest.file_lock import file_lock

START_SECONDS = 90.0
STOP_SECONDS = 10.0
SETTINGS = {"PREFECT_UI_ENABLED": "false", "PREFECT_API_BLOCKS_REGISTER_ON_START": "false"}


class PrivateServer:
    """A server that is starting or up; `url` is that of its API.

    Only one server at a time may start in a Prefect home: the first one makes the database.
    """

    def __init__(self, prefect_home: Path) -> None:
        self._starting = ExitStack()
        self._starting.enter_context(file_lock(prefect_home / ".starting.lock"))
        self.log = prefect_home / "server.log"
        with socket.create_server(("127.0.0.1", 0)) as listener, self.log.open("ab") as log:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows.private_server", str(listener.fileno())],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, **SETTINGS, "PREFECT_HOME": str(prefect_home)},
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
        atexit.register(self.stop)

    def wait(self) -> None:
        """Return when the server answers, and let other runs in this home start theirs.

        Raises
        ------
        StoreError
            It ended, or did not answer in 90 seconds; the message names its log.
        """
        with self._starting:
            self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                left = deadline - time.monotonic()
                with urllib.request.urlopen(f"{self.url}/health", timeout=left):  # nosec B310 # our own
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise StoreError(f"Prefect's server did not start: see its log {self.log}")

    def stop(self) -> None:
        """End the server, gently if it lets itself."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def serve(listener: socket.socket) -> None:
    """Serve Prefect's API on a listening socket until standard input is closed."""
    import uvicorn
    from prefect.server.api.server import create_app

    threading.Thread(target=_end_with_parent, daemon=True).start()
    app = create_app(ephemeral=True, final=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on")).run(sockets=[listener])


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
