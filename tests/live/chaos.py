"""Kill −9 of a desk with paper venues at random points, and whether its books are whole afterwards.

`make chaos`, or `python -m tests.live.chaos 500 --seed 7 --kind routed`. Each life is a child that recovers
from the files of the life before, goes on with a scripted stream of orders and is killed: every other one at
a line drawn from the seed (`death.Death`), the others by the clock, in whatever call they are. A desk that
breaks a rule (`broken`) dies at lines only: a seed finds it or not, however fast the machine is. After each
kill the files are copied, recovered from and held against each other. With `--postgres` the journal is a
database of a server that this process starts. It imports what a child needs and forks: a child knows journal,
account and gateways, and no data frames.
"""

import argparse
import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipeline.domain.orders import LEAST, NEVER_ARRIVED, Order, Report, Standing
from pipeline.live.grounds import DECIDES, grounds, in_words, order_of
from pipeline.live.journal import Journal
from pipeline.live.offers import Charges
from pipeline.live.opened import Opened
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.recovery import recover
from pipeline.live.routed import UNFILLED, Routed, Traded
from pipeline.live.venue import Book
from tests.live.broken import SendsFirst, TellsFirst
from tests.live.death import Death

SECOND = 10**9
LINES, SECONDS, DAY = 1200, 0.2, 10
"""A life is at most so many lines that are counted, or so long; a desk is killed so many times."""
ROOMS = ("/pipeline/live", "/tests/live/broken.py")
"""What a desk is killed in."""
WORDS = in_words("o", "BTC", "drawn", "band", "")
"""Of orders without a limit, which are sent as a decision sends them: with their line of the audit."""
SERVER: list[str] = []
"""URL of the server in which journals lie, if any; else they are files."""
HEAVY = ("numba", "numpy", "pandas", "prefect", "mlflow", "pydantic", "scipy")


class TwoVenues(Routed):
    """A router to two paper venues, of which the other one's book is not sound now and then."""

    def __init__(self, folder: Path, **terms: float) -> None:
        self.papers = {name: PaperGateway(folder / name, latency, **terms) for name in ("own", "other")}
        self.shown: list[Book] = []
        traded = {
            name: Traded(Opened(each, each, each.taken), Charges(**terms))
            for name, each in self.papers.items()
        }
        super().__init__(traded, lambda: self.shown, folder / "router", lot=0.1)

    def close(self) -> None:
        super().close()
        for paper in self.papers.values():
            paper.close()


TERMS = {"fee": 1e-4, "fixed_fee": 0.01}
KINDS: dict[str, tuple[type[OrderPath], Callable[[Path], PaperGateway | TwoVenues]]] = {
    "": (OrderPath, lambda folder: PaperGateway(folder / "venue", latency, **TERMS)),
    "routed": (OrderPath, lambda folder: TwoVenues(folder, **TERMS)),
    "sends-first": (SendsFirst, lambda folder: PaperGateway(folder / "venue", latency, **TERMS)),
    "tells-first": (OrderPath, lambda folder: TellsFirst(folder / "venue", latency, **TERMS)),
}
BROKEN = ("sends-first", "tells-first")


def book(seed: int | str, step: int) -> Book:
    """Return what the market shows from a step on, of three levels; every third repeats the one before."""
    drawn = random.Random(f"{seed} book {step - (step % 3 == 2)}")
    mid = 100.0 + drawn.randint(-9, 9)
    sizes = [[drawn.randint(1, 9) / 10 for _ in range(3)] for _ in range(2)]
    return Book([mid - k for k in (1, 2, 3)], sizes[0], [mid + k for k in (1, 2, 3)], sizes[1])


def both(seed: int, step: int) -> list[Book]:
    """Return what two venues show from a step on."""
    faulty = random.Random(f"{seed} fault {step}").random() < 0.1
    return [book(seed, step), book(f"{seed} other", step)._replace(fault="stale" if faulty else "")]


def latency(order: Order) -> int:
    """Return up to three steps of delay, the same for an order whenever it is asked."""
    return random.Random(order.order_id).randrange(3 * SECOND)


def desk(folder: Path, kind: str = "") -> tuple[OrderPath, PaperGateway | TwoVenues]:
    """Return the path of the desk in a folder, and its gateway."""
    journal = Journal(journal_of(folder), "chaos", now=0)
    made, opened = KINDS[kind]
    paper = opened(folder)
    return made(journal, paper, now=lambda: 0), paper


def journal_of(folder: Path) -> Path | str:
    """Return where the journal of the desk in a folder lies; a database is called like the folder."""
    if not SERVER:
        return folder / "journal"
    from sqlalchemy.engine import make_url

    return make_url(SERVER[0]).set(database=folder.name).render_as_string()


@contextmanager
def database(folder: Path, of: Path | None = None) -> Iterator[None]:
    """Have a database for the journal of a folder, empty or a copy of that of another desk, which is dead."""
    if SERVER:
        from tests.postgres_server import asked, left

        if of is not None:
            left(str(journal_of(of)))
        template = "" if of is None else f' TEMPLATE "{of.name}"'
        asked(SERVER[0], f'CREATE DATABASE "{folder.name}"{template}')
    try:
        yield
    finally:
        if SERVER:
            asked(SERVER[0], f'DROP DATABASE "{folder.name}" WITH (FORCE)')


def live(folder: Path, seed: int, kind: str, death: Death) -> None:
    """Recover, and then hedge: every step asks for what a position drawn for it lacks. It never ends."""
    path, paper = desk(folder, kind)
    step = max((order.decided for order in path.journal.orders()), default=0) // SECOND + 1
    found = asyncio.run(recover(path, step * SECOND, patience=()))
    if found.differences:
        os._exit(3)
    death.recovered = True
    while True:
        if isinstance(paper, TwoVenues):
            paper.shown = both(seed, step - 1)
        paper.advance(step * SECOND, {"BTC": book(seed, step - 1)})
        if isinstance(paper, TwoVenues):
            paper.shown = both(seed, step)
        drawn = random.Random(f"{seed} step {step}")
        for progress in list(path.account.working.values()):
            if progress.order.limit is None:
                continue
            order, does = progress.order, drawn.random()
            if does < 0.3:
                for order in progress.sent:
                    paper.cancel(order, step * SECOND)
            elif does < 0.6 and progress.standing is Standing.WORKING and not progress.asked:
                named, limit = f"{order.order_id}-{step}", 100.0 + drawn.randint(-9, 9)
                told = {"limit": limit, "decided": step * SECOND, "replaces": order.order_id}
                path.send(order.changed(order_id=named, **told))
        lacking = drawn.randint(-9, 9) / 10 - path.account.expected("BTC")
        limit = 100.0 + drawn.randint(-9, 9) if drawn.random() < 0.3 else None
        if abs(lacking) > LEAST and limit is None:
            why = grounds(WORDS, step * SECOND, -0.9, 0.9, lacking, lacking, 0.0, 99.0, 101.0, 0.0)
            path.send(order_of(why), why)
        elif abs(lacking) > LEAST:
            path.send(Order(f"o{step}", "BTC", lacking, limit, step * SECOND))
        if step % 20 == 0:
            path.journal.checkpoint()
        step += 1


def life(folder: Path, seed: int, drawn: random.Random, by_line: bool, kind: str) -> int:
    """Let a child live until it is killed and return what it died of: −9, or the status it left with."""
    longer = 4 if SERVER else 1
    death, seconds = Death(drawn.randint(1, LINES), *ROOMS), longer * drawn.uniform(0.0, SECONDS)
    child = os.fork()
    if not child:
        try:
            if by_line:
                sys.settrace(death)
            live(folder, seed, kind, death)
        except BaseException as error:
            print(f"a child failed: {type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(4)
    if not by_line:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def faults(folder: Path, kind: str) -> list[str]:
    """Recover from copies of a dead desk's files and return what is wrong with its books."""
    with tempfile.TemporaryDirectory() as copies:
        for file in folder.iterdir():
            if not file.name.endswith(("-shm", ".lock")):
                shutil.copy(file, copies)
        with database(Path(copies), folder):
            path, paper = desk(Path(copies), kind)
            try:
                return asyncio.run(_faults(path, paper))
            finally:
                path.journal.close()
                paper.close()


def off_by(ours: Mapping[str, float], theirs: Mapping[str, float]) -> float:
    """Return by how much positions differ most: those of two venues add up in another sequence."""
    return max((abs(ours.get(name, 0.0) - theirs.get(name, 0.0)) for name in {*ours, *theirs}), default=0.0)


async def _faults(path: OrderPath, paper: PaperGateway | TwoVenues) -> list[str]:
    found = await recover(path, 0, patience=())
    account, wrong = path.account, [str(each) for each in found.differences]
    wrong += [f"{each.report.report_id}: {each.why}" for each in account.unexplained]
    if off_by(account.positions, await paper.positions()) > 1e-9:
        wrong.append(f"positions: {account.positions} and at the venue {await paper.positions()}")
    resting = {each.order_id: each.quantity - each.filled for each in await paper.open_orders()}
    working = {order.order_id: each.left for each in account.working.values() for order in each.sent}
    if working.keys() != resting.keys() or any(
        abs(resting[name] - working[name]) > LEAST for name in working
    ):
        wrong.append(f"working: {sorted(account.working)} and at the venue {sorted(resting)}")
    papers = list(paper.papers.values()) if isinstance(paper, TwoVenues) else [paper]
    arrived = {order_id for each in papers for order_id in each._venue.known}
    if arrived - set(account.orders):
        wrong.append(f"sent without having been written down: {sorted(arrived - set(account.orders))}")
    lines = [each for each in path.journal.entries() if each.what == DECIDES and each.inputs["sent"]]
    audited = [(each.at, each.inputs["sent"]) for each in lines]
    orders = [each for each in path.journal.orders() if each.order_id.startswith("o-")]
    decided = [(each.decided, each.quantity) for each in orders]
    if audited != decided:
        wrong.append(
            f"the audit has {len(audited)} decisions, {len(decided)} orders of them were written down"
        )
    reports = path.journal.reports()
    closed = {each.order_id for each in reports if each.text == NEVER_ARRIVED}
    gone = {asked.order_id for each in account.orders.values() if each.standing.over for asked in each.asked}
    ended = {
        each.order_id for each in reports if each.text == UNFILLED
    }  # by the router: no venue has its part
    if lost := set(account.orders) - arrived - closed - gone - ended:  # of `gone` what they replace was over
        wrong.append(f"lost: {sorted(lost)}")
    if doubled := closed & arrived:
        wrong.append(f"called never arrived, but at the venue: {sorted(doubled)}")
    filled = Counter[str]()
    told = await paper.fills(0)
    for report in told:
        filled[report.order_id] += report.filled  # type: ignore[assignment]
    for order_id, units in filled.items():
        asked = account.orders[order_id].order.quantity if order_id in account.orders else 0.0
        if abs(units) > abs(asked) + LEAST:
            wrong.append(f"{order_id}: filled {units:g} of {asked:g}")
    booked = [each for each in reports if each.text != NEVER_ARRIVED]
    if sorted(booked, key=_by_id) != sorted(told, key=_by_id):
        wrong.append(
            f"{len(told)} reports of the venue, {len(reports) - len(closed)} in the journal, not the same"
        )
    cash = -sum(each.filled * each.price + each.fee for each in told)
    if abs(account.cash - cash) > 1e-9 * (1.0 + abs(cash)):
        wrong.append(f"cash: {account.cash}, of the venue's fills {cash}")
    return wrong


def _by_id(report: Report) -> str:
    return report.report_id


def chaos(kills: int, seed: int, kind: str = "") -> tuple[list[str], Counter[str]]:
    """Kill desks so many times; return what was wrong after the first kill that left a fault, and counts.

    A desk is killed `DAY` times before the next one begins with empty files.
    """
    drawn, count = random.Random(seed), Counter[str]()
    while count["kills"] < kills:
        with tempfile.TemporaryDirectory() as place, database(Path(place)):
            for _ in range(min(DAY, kills - count["kills"])):
                count["kills"] += 1
                by_line = count["kills"] % 2 == 1 or kind in BROKEN
                died = life(Path(place), seed + count["desks"], drawn, by_line, kind)
                wrong = [] if died == -signal.SIGKILL else [f"the child left with {died}"]
                wrong += faults(Path(place), kind)
                if wrong:
                    return [f"kill {count['kills']}: {each}" for each in wrong], count
            count["desks"] += 1
            count.update(seen(Path(place), kind))
    return [], count


def seen(folder: Path, kind: str) -> dict[str, int]:
    """Return what a desk lived through, so that a run that met nothing does not pass for a proof."""
    path, paper = desk(folder, kind)
    orders = [each for name, each in path.account.orders.items() if each.order.order_id == name]
    standings = Counter(each.standing for each in orders)
    never = sum(each.text == NEVER_ARRIVED for each in path.journal.reports())
    missed = sum(bool(each.inputs.get("missed")) for each in path.journal.entries())
    path.journal.close()
    paper.close()
    return {
        "orders": standings.total(),
        "filled": standings[Standing.FILLED],
        "cancelled": standings[Standing.CANCELLED],
        "replaced": sum(len(each.earlier) for each in orders),
        "shared": sum(len(each.parts) > 1 for each in paper._routings.by_order.values())
        if isinstance(paper, TwoVenues)
        else 0,
        "never arrived": never,
        "recoveries that had missed reports": missed,
    }


def main() -> None:
    """Print what was found; fail with 1 where something was wrong."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("kills", type=int)
    asked.add_argument("--seed", type=int, default=7)
    asked.add_argument("--kind", choices=sorted(KINDS), default="", help="a router, or a fault to be found")
    asked.add_argument("--postgres", action="store_true", help="keep journals in a PostgreSQL server")
    given = asked.parse_args()
    if heavy := [name for name in HEAVY if name in sys.modules]:
        sys.exit(f"the child would import {', '.join(heavy)}")
    with ExitStack() as opened:
        if given.postgres:
            from tests.postgres_server import serving

            SERVER.append(opened.enter_context(serving()))
        wrong, count = chaos(given.kills, given.seed, given.kind)
    print(", ".join(f"{number} {what}" for what, number in count.items()))
    sys.exit("\n".join(wrong) or None)


if __name__ == "__main__":
    main()
