"""From a person's halt to the last cancellation sent, and what watching costs the loop that is watched.

A desk with a hundred orders at work is halted again and again: journal and paper venue are files as they are
live. Its loop either takes one event after another, 20 µs of work each, or waits for the market. The halt
comes from another thread, or from another process through the web server. `to cancel` is from before it is
asked until the last `cancel` has returned; the answer comes after.

What watching costs: how long the loop waits beyond its own work between two events, with a page that
listens to every decision and without the server, in one run. Ten decisions a second are put up.

`python -m benchmarks.run halt`; a minute.
"""

import asyncio
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from benchmarks.measurement import Measurement
from pipeline.domain.orders import Order
from pipeline.live.journal import Journal
from pipeline.live.journal_place import JOURNAL
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.watch.board import Board
from pipeline.live.watch.found import Found
from pipeline.live.watch.page_server import PageServer, Serving
from pipeline.live.watch.panel import Panel
from pipeline.live.watch.request import Request, Wish
from pipeline.live.watch.server import Bind, listening, url_of
from pipeline.live.watch.token import Token
from tests.live.watch.made_day import DESK, decisions

ORDERS, HALTS = 100, 60
SPAWNED = multiprocessing.get_context("spawn")
WORK, EVERY = 20_000, 5_000
EVENTS = 400_000
SECRET = "0123456789abcdef"
HALT, RESUME = Request(Wish.HALT, "ada", "a benchmark"), Request(Wish.RESUME, "ada", "a benchmark")


class Timed(PaperGateway):
    """A paper gateway that says when it was last asked to cancel."""

    last = 0

    def cancel(self, order: Order, at: int) -> None:
        super().cancel(order, at)
        self.last = time.monotonic_ns()


@contextmanager
def desk(folder: Path) -> Iterator[tuple[OrderPath, Panel]]:
    """Yield the path of a desk whose orders rest, and its panel."""
    with (
        Journal(folder / JOURNAL, DESK.name, now=0) as journal,
        closing(Timed(folder / "venue", latency=lambda _: 10**15)) as gateway,
    ):
        path = OrderPath(journal, gateway, now=time.time_ns)
        for number in range(ORDERS):
            path.send(Order(f"o-{number}", "BTC", 0.1, 100.0, decided=number + 1))
        yield path, Panel(Board())


def work() -> None:
    """Take as long as an event does."""
    until = perf_counter_ns() + WORK
    while perf_counter_ns() < until:
        pass


async def until_done(path: OrderPath, panel: Panel, busy: bool, done: threading.Event) -> None:
    """Be the loop of a desk: events one after another, or silence."""
    events = 0
    while not done.is_set():
        if busy:
            work()
            panel.between(path)
            events += 1
            if events % 50 == 0:
                await asyncio.sleep(0)
        else:
            await asyncio.sleep(0.02)
            panel.between(path)


def halts(folder: Path, busy: bool, by_server: bool) -> list[float]:
    """Return ms from each halt to its last cancellation."""
    took: list[float] = []
    with ExitStack() as opened:
        path, panel = opened.enter_context(desk(folder))
        done = threading.Event()
        listener = opened.enter_context(listening(Bind()))
        serving = Serving(Bind(), Token(SECRET))

        def people() -> None:
            with by_process(folder) if by_server else nullcontext(partial(by_thread, panel)) as asked:
                for _ in range(HALTS):
                    time.sleep(0.02)
                    before = asked(HALT)
                    took.append((path.gateway.last - before) / 1e6)
                    asked(RESUME)
            done.set()

        async def loop() -> None:
            page = PageServer(DESK, folder, serving, listener, panel, "", lambda _: None)
            with panel.beside(path), page.beside(path):
                thread = threading.Thread(target=people)
                thread.start()
                await until_done(path, panel, busy, done)
                thread.join()

        asyncio.run(loop())
    return took


def by_thread(panel: Panel, request: Request) -> int:
    """Ask from a thread of the desk's process; return when."""
    before = time.monotonic_ns()
    panel.ask(request).result(timeout=10)
    return before


@contextmanager
def by_process(folder: Path) -> Iterator[Callable[[Request], int]]:
    """Yield what asks from a process of its own, by the server, as `hedge halt` does."""
    ours, theirs = SPAWNED.Pipe()
    process = SPAWNED.Process(target=asks, args=(theirs, folder), daemon=True)
    process.start()
    ours.recv()

    def ask(request: Request) -> int:
        ours.send(request)
        return int(ours.recv())

    yield ask
    ours.send(None)
    process.join()


def asks(pipe, folder: Path) -> None:
    """Ask by the server whenever the pipe says so; the machine's monotonic clock is one for all."""
    found = Found(DESK.name, folder)
    pipe.send(0)
    while (request := pipe.recv()) is not None:
        before = time.monotonic_ns()
        found.ask(request, lambda: SECRET)
        pipe.send(before)


def waits(folder: Path, watched: bool) -> np.ndarray:
    """Return µs that the loop waited beyond its own work, at every event."""
    took, made = np.empty(EVENTS), decisions()
    with ExitStack() as opened:
        path, panel = opened.enter_context(desk(folder))
        listener = opened.enter_context(listening(Bind()))

        async def loop() -> None:
            page = PageServer(
                DESK, folder, Serving(Bind(), Token(SECRET)), listener, panel, "", lambda _: None
            )
            with panel.beside(path), ExitStack() as beside:
                if watched:
                    beside.enter_context(page.beside(path))
                    beside.enter_context(listener_of(url_of(listener)))
                    await asyncio.sleep(1.0)
                for event in range(EVENTS):
                    before = perf_counter_ns()
                    work()
                    panel.between(path)
                    if event % EVERY == 0:
                        panel.after(made[event // EVERY % len(made)], path)
                    took[event] = (perf_counter_ns() - before - WORK) / 1e3

        asyncio.run(loop())
    return took


@contextmanager
def listener_of(url: str) -> Iterator[None]:
    """Let a process of its own listen to all events."""
    process = SPAWNED.Process(target=listen, args=(url,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def listen(url: str) -> None:
    """Read all events."""
    from urllib.request import ProxyHandler, build_opener

    for _ in build_opener(ProxyHandler({})).open(f"{url}/events"):
        pass


def measure() -> Iterator[Measurement]:
    """Halt a busy and a silent desk by thread and by server, and let one be watched."""
    with tempfile.TemporaryDirectory(prefix="halt-") as place:
        for busy in (True, False):
            for by_server in (False, True):
                folder = Path(place) / f"{busy}-{by_server}"
                folder.mkdir()
                took = np.array(halts(folder, busy, by_server))
                name = f"{'busy' if busy else 'silent'}_{'server' if by_server else 'thread'}"
                median, late = (float(np.percentile(took, each)) for each in (50, 90))
                print(f"{name}: to cancel {median:.2f} ms, nine of ten within {late:.2f} ms")
                found = {"p90": late, "most": float(took.max()), "halts": HALTS, "orders": ORDERS}
                yield Measurement(f"halt.to_cancel_{name}", "ms", median, detail=found)
        folders = [Path(place) / name for name in ("alone", "watched")]
        for folder in folders:
            folder.mkdir()
        alone, watched = (waits(folder, folder.name == "watched") for folder in folders)
    for quantile in (50.0, 99.0, 99.9):
        ours, peer = (float(np.percentile(each, quantile)) for each in (watched, alone))
        print(f"waited beyond its work, p{quantile:g}: watched {ours:.1f} µs, alone {peer:.1f} µs")
        yield Measurement(f"halt.watched_p{quantile:g}", "µs", ours, peer, detail={"events": EVENTS})


if __name__ == "__main__":
    for _ in measure():
        pass
