"""The page of a desk: served beside its loop while it runs, or from its journal alone while it does not."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.live.control import Control
from pipeline.live.journal import Journal
from pipeline.live.journal_place import JOURNAL
from pipeline.live.order_path import OrderPath
from pipeline.live.watch.address import announced
from pipeline.live.watch.app import Desk, Metrics, app_of
from pipeline.live.watch.guard import Guard
from pipeline.live.watch.panel import Panel
from pipeline.live.watch.request import Request, written_down
from pipeline.live.watch.server import Bind, served, url_of
from pipeline.live.watch.story import About, Shown, Story
from pipeline.live.watch.token import Token
from pipeline.risk.state import Latch

PATIENCE: Final = 5.0
"""Seconds that a person waits for the loop's answer."""


@dataclass(frozen=True)
class Serving:
    """How a desk is served.

    Attributes
    ----------
    bind : where it listens. Beyond loopback, reading needs the token too.
    token : of those who may ask.
    name : host name under which it is served beside its addresses.
    metrics, shown : what monitors and feed say.
    """

    bind: Bind
    token: Token
    name: str = ""
    metrics: Metrics = str
    shown: Shown = field(default_factory=Shown)


class PageServer(Control):
    """Serves the desk beside whose loop it stands, from its first event to its last.

    Parameters
    ----------
    desk : settings.
    folder : where its journal lies.
    serving, listener : how, and on which socket.
    panel : stands beside the loop too.
    model : version of what was learned.
    said : is told the address.
    """

    def __init__(
        self,
        desk: IntradayDesk,
        folder: Path,
        serving: Serving,
        listener: socket.socket,
        panel: Panel,
        model: str,
        said: Callable[[str], None],
    ) -> None:
        self._desk, self._folder, self._serving, self._listener = desk, folder, serving, listener
        self._panel, self._model, self._said = panel, model, said

    @contextmanager
    def beside(self, path: OrderPath) -> Iterator[None]:
        """Serve meanwhile."""
        name, url = self._desk.name, url_of(self._listener)
        shown = replace(self._serving.shown, pulse=self._panel.pulse)
        with Journal(self._folder / JOURNAL, name, now=0, writing=False) as journal:
            story = Story(About.of(self._desk), journal, self._panel.board, shown, self._model)
            app = app_of(_desk(story, self._ask, self._serving))
            with served(app, self._listener), announced(self._folder, url):
                self._said(url)
                yield

    async def _ask(self, request: Request) -> Latch:
        return await asyncio.wait_for(asyncio.wrap_future(self._panel.ask(request)), PATIENCE)


def app_at_rest(story: Story, desk: str, folder: Path, serving: Serving) -> Guard:
    """Return the application of a desk that does not run: requests are written into its journal."""

    async def ask(request: Request) -> Latch:
        return written_down(desk, folder / JOURNAL, request)

    return app_of(_desk(story, ask, serving))


def _desk(story: Story, ask: Callable[[Request], Awaitable[Latch]], serving: Serving) -> Desk:
    private = not serving.bind.loopback
    return Desk(story, ask, serving.token, serving.metrics, private, serving.name)
