"""The web server in a thread of its own, beside a desk that never waits for it."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

import uvicorn

from pipeline.domain.errors import SettingsError

LOOPBACK: Final = "127.0.0.1"
SWITCHING: Final = 2e-5
"""Seconds after which a thread of the server lets go of the interpreter when the desk's wants it."""


@dataclass(frozen=True, slots=True)
class Bind:
    """Where to listen.

    Examples
    --------
    >>> Bind.read("8050"), Bind.read("[::1]:8050").host, Bind.read("0.0.0.0:80").loopback
    (Bind(host='127.0.0.1', port=8050), '::1', False)
    """

    host: str = LOOPBACK
    port: int = 0

    @classmethod
    def read(cls, told: str) -> "Bind":
        """Return the place that `[HOST:]PORT` names; port 0 is any that is free.

        Raises
        ------
        SettingsError
            It is none.
        """
        host, _, port = told.rpartition(":")
        if not port.isdecimal() or int(port) > 65535:
            raise SettingsError(f"--dashboard {told}: give a port, or HOST:PORT, as 8050 or 127.0.0.1:8050")
        return cls(host.removeprefix("[").removesuffix("]") or LOOPBACK, int(port))

    @property
    def loopback(self) -> bool:
        """Tell whether nobody but this machine reaches it."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False


def listening(bind: Bind) -> socket.socket:
    """Return a socket that listens.

    Raises
    ------
    SettingsError
        It cannot.
    """
    family = socket.AF_INET6 if ":" in bind.host else socket.AF_INET
    try:
        return socket.create_server((bind.host, bind.port), family=family)
    except OSError as error:
        raise SettingsError(f"{bind.host}:{bind.port}: cannot listen there: {error.strerror}") from None


def url_of(listener: socket.socket) -> str:
    """Return the address of a socket that listens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_of(app: Any) -> uvicorn.Server:
    """Return the server of an application; it writes no line for a request."""
    settings = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        limit_concurrency=64,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(settings)


@contextmanager
def served(app: Any, listener: socket.socket) -> Iterator[None]:
    """Serve an application beside what is done within; threads take turns faster meanwhile."""
    server, before = server_of(app), sys.getswitchinterval()
    thread = threading.Thread(target=server.run, args=([listener],), name="page", daemon=True)
    sys.setswitchinterval(SWITCHING)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        sys.setswitchinterval(before)
