"""Kill −9 of a desk with the FIX gateway at random points; its broker is a process that lives on.

`python -m tests.live.fix.chaos 100 --seed 7`, part of `make chaos`; with `--routed` a router to two brokers.
A child recovers and sends orders until it is killed, at a line of what writes and sends, or by the clock; one
that breaks a rule at lines only. Then the desk is recovered once more, and held against what the brokers
wrote down.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

from pipeline.domain.orders import NEVER_ARRIVED, Order, Standing
from pipeline.live.fix.gateway import FixGateway
from pipeline.live.fix.sequence import Sequence
from pipeline.live.fix.session import Session
from pipeline.live.journal import Journal
from pipeline.live.offers import Charges
from pipeline.live.opened import Opened
from pipeline.live.order_path import OrderPath
from pipeline.live.played import Elsewhere
from pipeline.live.recovery import recover
from pipeline.live.routed import UNFILLED, Routed, Traded
from pipeline.live.venue import Book
from tests.live.broken import SendsFirst
from tests.live.death import Death
from tests.live.fix.broker import Broker

LINES, SECONDS, DAY = 1200, 0.5, 20
"""A life is at most so many lines that are counted, or so long; a desk is killed so many times."""
ROOMS = ("/pipeline/live", "/pipeline/live/fix", "/tests/live/broken.py")
"""What a desk is killed in."""


class WritingBroker(Broker):
    """Writes the id of every order that it took, and every fill, before it answers."""

    def __init__(self, place):
        super().__init__()
        self.file = place.open("a", buffering=1)

    def answer(self, message):
        if message[35] in "DG":
            self.file.write(f"{message[11]}\n")
        super().answer(message)


def broker(place: Path) -> tuple[int, int]:
    """Return process and port of a broker."""
    said, says = os.pipe()
    child = os.fork()
    if not child:
        os.close(said)

        async def serve() -> None:
            os.write(says, f"{await WritingBroker(place).serve()}\n".encode())
            await asyncio.Event().wait()

        try:
            asyncio.run(serve())
        finally:
            os._exit(1)
    os.close(says)
    with os.fdopen(said) as told:
        return child, int(told.readline())


BOOKS = [Book([99.0], [0.3], [101.0 + far], [0.3]) for far in (0, 1)]


def desk(
    folder: Path, ports: list[int], opened: ExitStack, made: type[OrderPath] = OrderPath
) -> tuple[OrderPath, list[FixGateway]]:
    """Return a path to one broker, or by a router to two, and the sessions."""
    journal, gateways = opened.enter_context(Journal(folder / "journal", "chaos", now=0)), []
    for name, port in zip(("own", "other"), ports, strict=False):
        sequence = opened.enter_context(closing(Sequence(folder / f"session-{name}", "US to THEM")))
        session = Session("US", "THEM", sequence)
        gateways.append(FixGateway("127.0.0.1", port, session, time.time_ns, patience=20.0))
    if len(ports) == 1:
        return made(journal, gateways[0], time.time_ns), gateways
    traded = {
        name: Traded(Opened(each, Elsewhere()), Charges())
        for name, each in zip(("own", "other"), gateways, strict=True)
    }
    router = opened.enter_context(closing(Routed(traded, lambda: BOOKS, folder / "router", lot=0.1)))
    return made(journal, router, time.time_ns), gateways


async def live(folder: Path, ports: list[int], made: type[OrderPath], death: Death) -> None:
    path, _ = desk(folder, ports, ExitStack(), made)
    if (await recover(path, time.time_ns(), patience=())).differences:
        os._exit(3)
    death.recovered = True
    number, drawn = len(path.account.orders), random.Random(len(path.account.orders))
    while True:
        number += 1
        units, limit = (
            drawn.choice([-1, 1]) * drawn.randint(1, 9) / 10,
            100.0 if drawn.random() < 0.3 else None,
        )
        path.send(Order(f"o{number}", "BTC", units, limit, time.time_ns()))
        for progress in list(path.account.working.values())[-3:]:
            order = progress.order
            waits = order.limit is not None and progress.standing is Standing.WORKING and not progress.asked
            if waits and drawn.random() < 0.5:
                number += 1
                limit, now = 90.0 + drawn.randint(0, 9), time.time_ns()
                told = {"order_id": f"o{number}", "limit": limit, "decided": now, "replaces": order.order_id}
                path.send(order.changed(**told))
        for order_id in list(path.account.working)[:-3]:
            path.cancel(order_id)
        await asyncio.sleep(drawn.choice([0.0, 0.0, 0.005]))


def life(folder: Path, ports: list[int], drawn: random.Random, by_line: bool, made: type[OrderPath]) -> int:
    death, seconds = Death(drawn.randint(1, LINES), *ROOMS), drawn.uniform(0.0, SECONDS)
    child = os.fork()
    if not child:
        try:
            if by_line:
                sys.settrace(death)
            asyncio.run(live(folder, ports, made, death))
        except BaseException as error:
            print(f"a child failed: {type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(4)
    if not by_line:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


async def faults(folder: Path, ports: list[int]) -> tuple[list[str], Counter[str]]:
    """Recover the dead desk; return what is wrong, and counts."""
    with ExitStack() as opened:
        path, gateways = desk(folder, ports, opened)
        found = await recover(path, time.time_ns(), patience=(0.1, 0.3))
        for each in gateways:
            await each.hang_up()
        reports = path.journal.reports()
    wrong, account = [str(each) for each in found.differences], path.account
    wrong += [f"{each.report.report_id}: {each.why}" for each in account.unexplained]
    at_each = [Counter(file.read_text().split()) for file in folder.glob("taken-*")]
    taken = sum(at_each, Counter[str]())
    closed = {each.order_id for each in reports if each.text == NEVER_ARRIVED}
    ended = {each.order_id for each in reports if each.text == UNFILLED}  # by the router
    wrong += [f"doubled: {order_id}" for each in at_each for order_id, times in each.items() if times > 1]
    wrong += [
        f"sent without having been written down: {each}" for each in taken.keys() - account.orders.keys()
    ]
    gone = {
        asked.order_id for each in account.orders.values() if each.standing.over for asked in each.asked
    }  # what they were to replace was over before they were sent
    lost = account.orders.keys() - taken.keys() - closed - gone - ended
    wrong += [f"lost: {order_id}" for order_id in lost]
    wrong += [
        f"called never arrived, but the broker has it: {order_id}" for order_id in closed & taken.keys()
    ]
    return wrong, Counter(
        {
            "orders": len(account.orders),
            "shared": sum(all(name in each for each in at_each) for name in taken) if ports[1:] else 0,
            "never arrived": len(closed),
            "replaced": sum(
                len(each.earlier) for name, each in account.orders.items() if each.order.order_id == name
            ),
            "reports": len(account.seen),
        }
    )


def chaos(
    kills: int, seed: int, made: type[OrderPath] = OrderPath, brokers: int = 1
) -> tuple[list[str], Counter[str]]:
    """Kill so often; return what was wrong after the first kill that left a fault, and counts.

    A desk and its brokers are killed `DAY` times before the next ones begin.
    """
    drawn, count = random.Random(seed), Counter[str]()
    while count["kills"] < kills:
        with tempfile.TemporaryDirectory() as place:
            wrong, seen = day(Path(place), drawn, min(DAY, kills - count["kills"]), made, brokers)
            count += seen
            if wrong:
                return [f"kill {count['kills']}: {each}" for each in wrong], count
    return [], count


def day(
    folder: Path, drawn: random.Random, kills: int, made: type[OrderPath], brokers: int
) -> tuple[list[str], Counter[str]]:
    serving, ports = [], list[int]()
    for number in range(brokers):
        (folder / f"taken-{number}").touch()
        child, port = broker(folder / f"taken-{number}")
        serving.append(child)
        ports.append(port)
    wrong, count = list[str](), Counter[str]()
    try:
        for number in range(1, kills + 1):
            by_line = number % 2 == 1 or made is not OrderPath
            died = life(folder, ports, drawn, by_line, made)
            wrong, count = asyncio.run(faults(folder, ports))
            count["kills"] = number
            if died != -signal.SIGKILL:
                wrong.append(f"the child left with {died}")
            if wrong:
                break
    finally:
        for child in serving:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return wrong, count


def main() -> None:
    """Print what was found; fail with 1 where something was wrong."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("kills", type=int)
    asked.add_argument("--seed", type=int, default=7)
    asked.add_argument(
        "--broken", action="store_true", help="send first and write down then: has to be found"
    )
    asked.add_argument("--routed", action="store_true", help="a router to two brokers")
    given = asked.parse_args()
    made, brokers = SendsFirst if given.broken else OrderPath, 2 if given.routed else 1
    wrong, count = chaos(given.kills, given.seed, made, brokers)
    print(", ".join(f"{number} {what}" for what, number in count.items()))
    sys.exit("\n".join(wrong) or None)


if __name__ == "__main__":
    main()
