"""The live loop: one process, one event loop. It fails closed: whatever goes wrong in it halts the desk."""

import asyncio
import gc
import signal
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import ExitStack, aclosing, contextmanager
from functools import partial
from typing import Final

from pipeline.domain.errors import GatewayError
from pipeline.live.control import Control
from pipeline.live.desk_day import DeskDay
from pipeline.live.feed import Feed
from pipeline.live.hedger import Decided, Hedger
from pipeline.live.order_path import OrderPath
from pipeline.live.played import Played
from pipeline.risk.state import RiskState

STOPPING: Final = (signal.SIGINT, signal.SIGTERM)
LAST_WORDS, LOOK = 5.0, 0.01
"""Seconds to wait at the end for reports that are on their way, and between two looks."""


async def hedge(
    days: Iterable[tuple[DeskDay, Feed]],
    hedger: Hedger,
    path: OrderPath,
    played: Played,
    controls: Sequence[Control] = (),
) -> bool:
    """Hedge day after day until they end or the process is asked to stop; return whether they ended.

    Parameters
    ----------
    days : each with its feed; the next is asked for when the feed of the one before has ended.
    hedger : decides.
    path : recovered.
    played : the market behind the path's gateway, as far as the desk's book moves it.
    controls : stand beside the loop.

    Raises
    ------
    Exception
        Whatever went wrong; the desk has halted.
    """
    with ExitStack() as going:
        going.enter_context(settled_memory())
        for control in controls:
            going.enter_context(control.beside(path))
        try:
            with asked_to_stop() as asked:
                async with aclosing(_steps(days, hedger, played)) as steps:
                    async for decided in steps:
                        _look_up(decided, path, controls)
                        if asked.is_set():
                            return False
                await _last_words(path)
        except Exception as error:
            _halt(path, error)
            raise
    return True


async def _steps(
    days: Iterable[tuple[DeskDay, Feed]], hedger: Hedger, played: Played
) -> AsyncGenerator[Decided | None, None]:
    """Yield each decision, and None after each moment of the feed; others may run in between."""
    for day, feed in days:
        async with aclosing(feed.moments(partial(day.due, hedger, played), hedger.since)) as moments:
            async for moment in moments:
                for decided in day.go(moment, hedger, played):
                    yield decided
                    await asyncio.sleep(0)
                yield None


async def _last_words(path: OrderPath) -> None:
    """Wait a while for what the market has still to say of orders that cannot rest."""
    for _ in range(int(LAST_WORDS / LOOK)):
        if all(each.order.limit is not None for each in path.account.working.values()):
            return
        await asyncio.sleep(LOOK)
        _look_up(None, path, ())


def _look_up(decided: Decided | None, path: OrderPath, controls: Sequence[Control]) -> None:
    """Show a decision, do what people asked for, and see whether the market can still be reached."""
    for control in controls:
        if decided is not None:
            control.after(decided, path)
        control.between(path)
    if path.gateway.broken:
        raise GatewayError(path.gateway.broken)


def _halt(path: OrderPath, error: Exception) -> None:
    """Halt for what went wrong; what goes wrong in halting is noted on it, and does not take its place."""
    try:
        path.turn(RiskState.HALTED, "loop", f"{type(error).__name__}: {error}")
    except Exception as fault:
        error.add_note(f"while halting: {type(fault).__name__}: {fault}")


@contextmanager
def settled_memory() -> Iterator[None]:
    """Leave what is in memory now out of garbage collection, which would look at models and history again."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def asked_to_stop() -> Iterator[asyncio.Event]:
    """Yield an event of the running loop that an interrupt or a termination sets."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in STOPPING:
        loop.add_signal_handler(each, asked.set)
    try:
        yield asked
    finally:
        for each in STOPPING:
            loop.remove_signal_handler(each)
