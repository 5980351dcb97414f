"""What every request passes first: to which name it was sent, and from where; and what browsers are told."""

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Callable[[], Awaitable[Message]], Send], Awaitable[None]]

LARGEST: Final = 4096
"""Bytes of a request's body."""
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Refuses what another site's page could send through a browser; see `trusted`.

    Parameters
    ----------
    app : behind it.
    name : the host name under which it is served, beside every address and localhost.
    """

    def __init__(self, app: App, name: str) -> None:
        self._app, self._name = app, name

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        """Pass on or refuse, and add the headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *own]
            await send(message)

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if fault := _fault(headers, self._name):
            status, said = fault
            await with_headers({"type": "http.response.start", "status": status, "headers": []})
            await with_headers({"type": "http.response.body", "body": f"{said}\n".encode()})
            return
        await self._app(scope, receive, with_headers)


def _fault(headers: MutableMapping[str, str], name: str) -> tuple[int, str] | None:
    host, origin = headers.get("host", ""), headers.get("origin")
    if not trusted(host, name):
        return 421, "this desk is not served under that name: use its address"
    if origin is not None and urlsplit(origin).netloc != host:
        return 403, "not from another site"
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal() or int(length) > LARGEST:
        return 413, f"a body of at most {LARGEST} bytes, its length told"
    return None


def trusted(host: str, name: str) -> bool:
    """Tell whether a `Host` names this server: an address, localhost, or `name`.

    A name that an attacker bends to this machine's address (DNS rebinding) is none of them.

    Examples
    --------
    >>> trusted("127.0.0.1:8050", ""), trusted("[::1]:8050", ""), trusted("localhost:8050", "")
    (True, True, True)
    >>> trusted("attacker.example:8050", "desk.example"), trusted("desk.example", "desk.example")
    (False, True)
    """
    try:
        found = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if found in ("localhost", name.lower()) and found:
        return True
    try:
        ipaddress.ip_address(found)
    except ValueError:
        return False
    return True
