"""`hedge live` and `hedge shadow`: a desk hedged event by event, and held against its backtest."""

import asyncio
import math
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.attend import secret_of, token_place
from pipeline.cli.options import DataFolder, Desk, HomePath, Json
from pipeline.cli.running import prepared, run_flow
from pipeline.domain.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from pipeline.domain.intraday_desk import IntradayDesk
    from pipeline.live.control import Control
    from pipeline.live.session import Learned, Lived, Stored
    from pipeline.live.watch.page_server import Serving

DIFFERENT = 4
REPLAY, FULL = "replay:", "full"
Feed = Annotated[str, typer.Option(help="replay:DAY lives a stored day again, as replay:2013-10-11.")]

Speed = Annotated[
    str, typer.Option(help="Of a replay: 1 as fast as it was, 10 ten times as fast, full as fast as it goes.")
]


def live(
    desk: Desk,
    feed: Feed,
    speed: Speed = "full",
    dashboard: Annotated[
        str | None,
        typer.Option(help="[HOST:]PORT of the status page; else a free port of 127.0.0.1. See --beyond."),
    ] = None,
    beyond: Annotated[
        bool,
        typer.Option("--beyond", help="Let other machines reach --dashboard, with the token alone."),
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Forget what an earlier replay of the day left, a halt too.")
    ] = False,
    home: HomePath = None,
    as_json: Json = False,
    data: DataFolder = None,
) -> None:
    """Hedge from market events with the champions' models and a paper gateway, under the desk's overlay.

    Journal and venue lie in data/live: a replay that was interrupted goes on, one that has halted stays so.
    """
    from pipeline.live.session_text import for_terminal, lived_as_json
    from pipeline.live.watch.board import Board
    from pipeline.live.watch.page_server import PageServer
    from pipeline.live.watch.panel import Panel
    from pipeline.live.watch.server import listening

    times, serving = _times(speed), _serving(dashboard, beyond, home)
    with listening(serving.bind) as listener:
        settings, day, learned, stored, folder = _opened(desk, feed, home, data)
        if anew and folder.exists():
            shutil.rmtree(folder)
        panel = Panel(Board())
        page = PageServer(settings, folder, serving, listener, panel, learned.model, _said)
        lived = _lived(settings, day, learned, stored, folder, times, panel, page)
    print(lived_as_json(settings, day, lived) if as_json else for_terminal(settings, day, lived, folder))


def shadow(desk: Desk, feed: Feed, home: HomePath = None, data: DataFolder = None) -> None:
    """Live a stored day again without rules, and print where its backtest differs; exit code 4 if it does."""
    import tempfile

    from pipeline.domain.overlay_settings import OverlaySettings
    from pipeline.live.session import differences

    settings, day, learned, stored, _ = _opened(desk, feed, home, data)
    plain = settings.model_copy(update={"overlay": OverlaySettings()})
    with tempfile.TemporaryDirectory() as folder:
        lived = _lived(plain, day, learned, stored, Path(folder), math.inf)
    found = differences(plain, learned, stored, day, lived.decided)
    orders = sum(each.order is not None for each in lived.decided)
    print(f"{len(lived.decided)} decisions, {orders} orders, {len(found)} positions differ from the backtest")
    if len(found):
        print(found.to_string(index=False))
        raise typer.Exit(DIFFERENT)


def _lived(
    desk: "IntradayDesk",
    day: str,
    learned: "Learned",
    stored: "Stored",
    folder: Path,
    speed: float,
    *controls: "Control",
) -> "Lived":
    from rich.progress import Progress

    from pipeline.live.control import Control
    from pipeline.live.session import live_again, stored_day

    opened = stored_day(desk, stored, day)
    with Progress(transient=True) as bar:
        task = bar.add_task(f"{desk.name} {day}", total=len(opened.made.times))

        class Shown(Control):
            def after(self, *_: object) -> None:
                bar.advance(task)

        return asyncio.run(live_again(desk, learned, stored, opened, folder, speed, [Shown(), *controls]))


def _serving(dashboard: str | None, beyond: bool, home: Path | None) -> "Serving":
    from pipeline.live.watch.page_server import Serving
    from pipeline.live.watch.server import Bind
    from pipeline.live.watch.token import Token

    bind = Bind() if dashboard is None else Bind.read(dashboard)
    if not (bind.loopback or beyond):
        raise SettingsError(
            f"--dashboard {dashboard}: other machines reach that: say so with --beyond, or give a port alone"
        )
    return Serving(bind, Token(secret_of(token_place(home), make=bind.loopback)), name=bind.host)


def _said(url: str) -> None:
    print(f"status page: {url}", file=sys.stderr, flush=True)


def _times(speed: str) -> float:
    try:
        times = math.inf if speed == FULL else float(speed)
    except ValueError:
        times = math.nan
    if not times > 0.0:
        raise SettingsError(f"--speed {speed}: give a number above zero, or {FULL}")
    return times


def _opened(
    desk: str, feed: str, home: Path | None, data: str | None
) -> "tuple[IntradayDesk, str, Learned, Stored, Path]":
    if not feed.startswith(REPLAY):
        raise SettingsError(f"--feed {feed}: give replay:DAY, a day of the desk's data")
    place, day = prepared(desk, home, data), feed.removeprefix(REPLAY)

    from pipeline.backtest.desk_check import checked_any
    from pipeline.backtest.intraday_stream import FittedIntraday
    from pipeline.domain.intraday_desk import IntradayDesk
    from pipeline.live.session import Learned, Stored
    from pipeline.tracking.champions import load_champions

    settings = checked_any(desk)
    if not isinstance(settings, IntradayDesk):
        raise SettingsError(f"{desk}: hedge live works on desks within the day")
    champions = load_champions(place.mlruns, settings.name, desk)
    signals, flagship, terms = champions.signals, champions.flagship, champions.terms
    if not isinstance(signals, FittedIntraday) or flagship is None or terms is None:
        raise StoreError(f"desk {settings.name} has no champion to go live with: hedge run {desk} makes one")
    market = run_flow("ingest", desk, place, False)
    matrix = run_flow("features", desk, place, False, market=market)

    from flows.stages import store_of

    store = store_of(str(place.root))
    stored = Stored(store.open(market), store.open(matrix), store.pieces())
    version = ", ".join(f"{card.name} {card.version}" for card in champions.cards)
    learned = Learned(signals, flagship, terms["desk_cost"], version)
    return settings, day, learned, stored, place.data / "live" / settings.name / f"replay-{day}"
