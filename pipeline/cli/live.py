"""`hedge live` and `hedge shadow`: a desk hedged event by event, and held against its backtest."""

import asyncio
import math
import os
import shutil
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.asking import approvals_of, forget_asked
from pipeline.cli.attend import NOT_ACTIVE, secret_of, token_place
from pipeline.cli.gateway import Way, credentials_of, played, wired
from pipeline.cli.monitored import monitoring, named_server
from pipeline.cli.options import DataFolder, Desk, HomePath, Json
from pipeline.cli.running import prepared, progress_shown
from pipeline.domain.errors import SettingsError
from pipeline.domain.home import Home

if TYPE_CHECKING:
    from pipeline.domain.intraday_desk import IntradayDesk
    from pipeline.live.approvals import Approvals
    from pipeline.live.control import Control
    from pipeline.live.desk_day import DeskDay
    from pipeline.live.feed_state import FeedState
    from pipeline.live.gateways import Open
    from pipeline.live.learned import Learned
    from pipeline.live.session import Lived, Newer, Stored
    from pipeline.live.streamed_venue import StreamedVenue
    from pipeline.live.watch.page_server import Serving
    from pipeline.tracking.champions import Champions

DIFFERENT = 4
REPLAY, FULL = "replay:", "full"
Feed = Annotated[
    str, typer.Option(help="replay:DAY, a stored day, as replay:2013-10-11; or wss://…, a venue's stream.")
]
Speed = Annotated[
    str, typer.Option(help="Of a replay: 1 as fast as it was, 10 ten times as fast, full as fast as it goes.")
]
Gateway = Annotated[
    Way,
    typer.Option(help="Where orders go: paper, or as [gateway.fix], .ccxt or .routed of the desk file says."),
]
Snapshot = Annotated[
    str,
    typer.Option(help="URL where a venue's book is asked for; else that of the venue, where known."),
]
OtherFeed = Annotated[
    str,
    typer.Option(
        help="wss://…, a second venue's stream beside --feed: what data.other_files is to data.files."
    ),
]
OtherSnapshot = Annotated[str, typer.Option(help="As --snapshot, of --other-feed.")]
Dashboard = Annotated[
    str | None,
    typer.Option(help="[HOST:]PORT of the status page; else a free port of 127.0.0.1. See --beyond."),
]
Beyond = Annotated[
    bool, typer.Option("--beyond", help="Let other machines reach --dashboard, with the token alone.")
]
Anew = Annotated[
    bool, typer.Option("--anew", help="Forget what an earlier replay of the day left, a halt too.")
]


def live(
    desk: Desk,
    feed: Feed,
    gateway: Gateway = Way.PAPER,
    speed: Speed = FULL,
    snapshot: Snapshot = "",
    other_feed: OtherFeed = "",
    other_snapshot: OtherSnapshot = "",
    dashboard: Dashboard = None,
    beyond: Beyond = False,
    anew: Anew = False,
    home: HomePath = None,
    as_json: Json = False,
    data: DataFolder = None,
) -> None:
    """Hedge from market events with the champions' models, under the desk's overlay.

    Journal and gateway lie in data/live, a new journal in PostgreSQL where HEDGE_JOURNAL_URL names one:
    what was interrupted goes on, what has halted stays so. Ctrl-C stops.
    Exit code 5 where it has halted or only reduces by its end.
    """
    from pipeline.live.feed_state import FeedState
    from pipeline.live.journal_server import VARIABLE, keep_in, told_server
    from pipeline.live.session import stored_day
    from pipeline.live.watch.board import Board
    from pipeline.live.watch.page_server import PageServer
    from pipeline.live.watch.panel import Panel
    from pipeline.live.watch.server import listening
    from pipeline.live.watch.story import Shown

    venues = _streamed(feed, snapshot, other_feed, other_snapshot)
    if anew and venues:
        raise SettingsError("--anew: forgets a replay; journal and recordings of a stream are kept")
    private, database = credentials_of(gateway), told_server(os.environ.get(VARIABLE))
    times, serving, server = _times(speed), _serving(dashboard, beyond, home), named_server()
    with listening(serving.bind) as listener:
        routed = gateway is Way.ROUTED
        opened = _opened(desk, home, data, venues, routed)
        if anew and not played(gateway, opened.desk):
            raise SettingsError(
                f"--anew: forgets what was played on paper; --gateway {gateway} does not forget"
            )
        way = wired(gateway, opened.desk, private, replayed=not venues)
        market = opened.desk, opened.stored
        day = None if venues else stored_day(*market, _day(feed), opened.learned, routed)
        lived_in = f"stream-{venues[0].symbol}" if venues else f"replay-{_day(feed)}"
        folder = opened.folder / (lived_in if gateway is Way.PAPER else f"{lived_in}-{gateway}")
        if anew:
            _forget(folder, opened.desk.name, server)
        keep_in(database, opened.desk.name, folder, anew=anew)
        place, champions = Home.find(home), opened.champions
        before = opened.stored.before(f"{date.today()}" if day is None else day.day, day.begins if day else 0)
        parts = monitoring(opened.desk, desk, champions, place, before, server)
        beside, watching, metrics, opened.newer = parts
        state = FeedState()
        approvals, carrying = approvals_of(opened.desk, server, 1.0 if venues else times)
        feeding = state.facts if venues else tuple
        shown = Shown(feed=feeding, drift=watching.told, asked=approvals.told)
        serving = replace(serving, metrics=metrics.text, shown=shown)
        panel = Panel(Board())
        page = PageServer(opened.desk, folder, serving, listener, panel, opened.learned.model, _said)
        controls = [panel, *beside, page, *carrying]
        if day is None:
            lived = _lived_now(opened, venues, folder, way, state, approvals, routed, *controls)
        else:
            lived = _lived_again(opened, day, folder, way, times, approvals, *controls)
    _ended(opened.desk, feed, lived, folder, as_json)


def _ended(desk: "IntradayDesk", feed: str, lived: "Lived", folder: Path, as_json: bool) -> None:
    """Say what came of living; exit code 5 where the desk has halted or only reduces."""
    from pipeline.live.session_text import for_terminal, lived_as_json
    from pipeline.risk.state import RiskState

    print(lived_as_json(desk, feed, lived) if as_json else for_terminal(desk, feed, lived, folder))
    if lived.latch.state is not RiskState.ACTIVE:
        raise typer.Exit(NOT_ACTIVE)


def shadow(desk: Desk, feed: Feed, home: HomePath = None, data: DataFolder = None) -> None:
    """Live a stored day again without rules, and print where its backtest differs; exit code 4 if it does."""
    import tempfile

    from pipeline.domain.order_settings import OrderSettings
    from pipeline.domain.overlay_settings import OverlaySettings
    from pipeline.live.control import Control
    from pipeline.live.gateways import on_paper
    from pipeline.live.session import NOBODY, differences, stored_day

    day, opened, decided = _day(feed), _opened(desk, home, data), []
    opened.desk = opened.desk.model_copy(update={"overlay": OverlaySettings(), "orders": OrderSettings()})

    class Kept(Control):
        def after(self, each: Any, path: object) -> None:
            decided.append(each)

    with tempfile.TemporaryDirectory() as folder:
        paper = on_paper(opened.desk.costs)
        begun = stored_day(opened.desk, opened.stored, day, opened.learned)
        lived = _lived_again(opened, begun, Path(folder), paper, math.inf, NOBODY, Kept())
    found = differences(opened.desk, opened.learned, opened.stored, day, decided)
    counted = f"{lived.decisions} decisions, {lived.orders} orders"
    print(f"{counted}, {len(found)} positions differ from the backtest")
    if len(found):
        print(found.to_string(index=False))
        raise typer.Exit(DIFFERENT)


@dataclass
class Opened:
    """A desk that may go live: its settings, models and stored market, and where its journals lie."""

    desk: "IntradayDesk"
    champions: "Champions"
    learned: "Learned"
    stored: "Stored"
    folder: Path
    newer: "Newer | None" = None


def _forget(folder: Path, desk: str, server: str | None) -> None:
    """Remove the journal and the venue of a day, if no desk is living it, and take back what it asked."""
    from pipeline.ingest.file_lock import lock_holder
    from pipeline.live.journal_place import JOURNAL
    from pipeline.live.journal_server import forget

    if process := lock_holder(folder / f"{JOURNAL}.lock"):
        raise SettingsError(f"--anew: process {process} lives this day ({folder}): stop it first")
    if folder.exists():
        forget_asked(folder / JOURNAL, desk, server)
        forget(folder / JOURNAL)
        shutil.rmtree(folder)


def _streamed(feed: str, snapshot: str, other_feed: str, other_snapshot: str) -> "list[StreamedVenue]":
    """Return the venues whose streams are followed; none where a stored day is lived again."""
    from pipeline.live.streamed_venue import streamed_venue

    if feed.startswith(REPLAY):
        if other_feed:
            raise SettingsError("--other-feed: of a stored day the second venue's files are data.other_files")
        return []
    found = [streamed_venue(feed, snapshot)]
    return [*found, streamed_venue(other_feed, other_snapshot, "--other-feed")] if other_feed else found


def _day(feed: str) -> str:
    if not feed.startswith(REPLAY):
        raise SettingsError(f"--feed {feed}: give replay:DAY, a day of the desk's data")
    return feed.removeprefix(REPLAY)


def _lived_again(
    opened: Opened,
    day: "DeskDay",
    folder: Path,
    way: "Open",
    speed: float,
    approvals: "Approvals",
    *controls: "Control",
) -> "Lived":
    from pipeline.live.session import live_again

    desk, stored = opened.desk, opened.stored

    def live(shown: "Control") -> "Coroutine[Any, Any, Lived]":
        beside, newer = [shown, *controls], opened.newer
        return live_again(desk, opened.learned, stored, day, folder, way, speed, beside, approvals, newer)

    return _shown(f"{desk.name} {day.day}", len(day.made.times), live)


def _lived_now(
    opened: Opened,
    venues: "Sequence[StreamedVenue]",
    folder: Path,
    way: "Open",
    state: "FeedState",
    approvals: "Approvals",
    routed: bool,
    *controls: "Control",
) -> "Lived":
    from pipeline.live.venue_session import live_now

    desk, stored = opened.desk, opened.stored

    def live(shown: "Control") -> "Coroutine[Any, Any, Lived]":
        beside, newer = [shown, *controls], opened.newer
        settings = (beside, state, approvals, newer, routed)
        return live_now(desk, opened.learned, stored, venues, folder, way, *settings)

    return _shown(f"{opened.desk.name} {venues[0].symbol}", None, live)


def _shown(what: str, total: int | None, live: "Callable[[Control], Coroutine[Any, Any, Lived]]") -> "Lived":
    """Live with a bar that counts decisions."""
    from rich.progress import Progress

    from pipeline.live.control import Control

    with progress_shown(), Progress(transient=True) as bar:
        task = bar.add_task(what, total=total)

        class Shown(Control):
            def after(self, *_: object) -> None:
                bar.advance(task)

        return asyncio.run(live(Shown()))


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
    desk: str,
    home: Path | None,
    data: str | None,
    venues: "Sequence[StreamedVenue]" = (),
    routed: bool = False,
) -> Opened:
    place = prepared(desk, home, data)

    from pipeline.backtest.desk_check import checked_any
    from pipeline.domain.intraday_desk import IntradayDesk
    from pipeline.live.session import Stored
    from pipeline.live.venue_session import check
    from pipeline.policies.live_choice import followed
    from pipeline.tracking.champions import load_champions
    from pipeline.tracking.model_source import learned_of

    settings = checked_any(desk)
    if not isinstance(settings, IntradayDesk):
        raise SettingsError(f"{desk}: hedge live works on desks within the day")
    if venues:
        check(settings, venues, routed)
    champions = load_champions(place.mlruns, settings.name, desk, hedger=followed(settings))
    learned, settings = learned_of(champions, desk), champions.costs.applied(settings)

    from flows.datasets import made, store_of
    from flows.works import works_of

    root, works = str(place.root), works_of(settings)
    with progress_shown():
        market = made(works.market(settings), root)
        matrix = made(works.matrix(settings, market), root)
    store = store_of(root)
    stored = Stored(store.open(market), store.open(matrix), store.pieces())
    return Opened(settings, champions, learned, stored, place.data / "live" / settings.name)
