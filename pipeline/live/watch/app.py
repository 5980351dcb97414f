"""The web server of a desk: what it answers, to whom."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict

from pipeline.domain.errors import HedgeError, RiskError
from pipeline.live.watch import request as asked
from pipeline.live.watch.guard import Guard
from pipeline.live.watch.story import Cursor, Story
from pipeline.live.watch.token import Token
from pipeline.risk.state import Latch

PAGE: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/chart.js": ("chart.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
EVERY: Final = 0.25
"""Seconds between two looks for news."""
ALIVE: Final = 4
"""Looks without news after which the status is told again."""
BEARER: Final = "Bearer "
METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"

Metrics = Callable[[], str]
"""Returns Prometheus text."""


class Words(BaseModel):
    """The body of a command."""

    model_config = ConfigDict(extra="forbid", strict=True)

    person: str
    reason: str


@dataclass(frozen=True)
class Desk:
    """What is served.

    Attributes
    ----------
    story : what is told.
    ask : carries a request out and returns the risk state then, or raises a `HedgeError`.
    token : of those who may ask; None lets nobody.
    metrics : for Prometheus.
    private : reading needs the token too.
    name : host name under which it is served beside its addresses.
    """

    story: Story
    ask: Callable[[asked.Request], Awaitable[Latch]]
    token: Token | None
    metrics: Metrics
    private: bool = False
    name: str = ""


def app_of(desk: Desk) -> Guard:
    """Return the application: the page, `/status`, `/events`, `/metrics`, and `POST /halt` and `/resume`.

    What changes the desk's state needs `Authorization: Bearer TOKEN`, a header that no other site's page can
    make a browser send.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    def permitted(authorization: Annotated[str, Header()] = "") -> None:
        said = authorization.removeprefix(BEARER)
        if desk.token is None or said == authorization or not desk.token.matches(said):
            raise HTTPException(401, "the desk's token is needed", {"www-authenticate": "Bearer"})

    reader = [Depends(permitted)] if desk.private else []
    for place, (name, kind) in PAGE.items():
        content = (files("pipeline.live.watch") / "page" / name).read_bytes()
        app.get(place)(_served(content, kind))

    @app.exception_handler(HedgeError)
    async def fault(_: Request, error: HedgeError) -> Response:
        return _json({"error": str(error)}, 500)

    @app.get("/status", dependencies=reader)
    async def status() -> Response:
        return _json(desk.story.status())

    @app.get("/events", dependencies=reader)
    async def events(last_event_id: Annotated[str, Header()] = "") -> StreamingResponse:
        return StreamingResponse(told_on(desk.story, last_event_id), media_type="text/event-stream")

    @app.get("/metrics", dependencies=reader)
    async def metrics() -> Response:
        return Response(desk.metrics(), media_type=METRICS)

    @app.post("/{wish}", dependencies=[Depends(permitted)])
    async def command(wish: asked.Wish, words: Words) -> Response:
        try:
            latch = await desk.ask(asked.Request(wish, words.person, words.reason))
        except RiskError as error:
            return _json({"error": str(error)}, 409)
        except TimeoutError:
            return _json({"error": "the desk was asked and has not answered yet: look at its state"}, 503)
        return _json({"risk": asked.turn(latch)})

    return Guard(app, desk.name)


async def told_on(story: Story, last: str) -> AsyncIterator[bytes]:
    """Yield server-sent events: everything that is new since the event `last`, and then what comes.

    Where the journal cannot be read the last event is a `fault` that says so.
    """
    cursor, quiet = Cursor.read(last), ALIVE
    while True:
        before = cursor
        try:
            cursor, news = story.tell(before)
        except HedgeError as error:
            yield b"event: fault\ndata: %s\n\n" % orjson.dumps(str(error))
            return
        quiet = quiet + 1 if cursor == before else 0
        if quiet == 0 or quiet >= ALIVE:
            yield b"id: %s\ndata: %s\n\n" % (str(cursor).encode(), orjson.dumps(news))
            quiet = 0
        await asyncio.sleep(EVERY)


def _served(content: bytes, kind: str) -> Callable[[], Awaitable[Response]]:
    async def serve() -> Response:
        return Response(content, media_type=kind)

    return serve


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
