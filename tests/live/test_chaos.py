"""Kill −9 at random points loses nothing and doubles nothing; and the check that says so can fail."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.domain.orders import Standing
from pipeline.live.grounds import grounds, order_of
from pipeline.live.recovery import recover
from pipeline.live.venue import Book
from tests import postgres_server
from tests.live.chaos import WORDS, desk, faults

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def chaos(*told: str, module: str = "tests.live.chaos") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *told]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("kind", ["", "routed"])
def test_twenty_five_kills_leave_books_that_are_whole(kind):
    found = chaos("25", "--kind", kind)
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.startswith("25 kills, 3 desks")


@pytest.mark.skipif(postgres_server.binaries() is None, reason="no PostgreSQL here, nor its wheel")
def test_ten_kills_leave_books_that_are_whole_with_a_journal_in_postgresql():
    found = chaos("10", "--postgres")
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.startswith("10 kills, 1 desks")


class Dies(BaseException):
    """Death before a venue has an order."""


def test_an_order_that_is_shared_and_reaches_neither_venue_is_over_and_the_books_are_whole(tmp_path):
    def dies(order):
        raise Dies

    path, routed = desk(tmp_path, "routed")
    asyncio.run(recover(path, 0, patience=()))
    routed.shown = [Book([99.0], [0.5], [101.0], [0.5])] * 2
    for venue in routed.papers.values():
        venue.submit = dies
    why = grounds(WORDS, 9, -0.9, 0.9, 0.8, 0.8, 0.0, 99.0, 101.0, 0.0)
    with pytest.raises(Dies):
        path.send(order_of(why), why)
    assert len(routed._routings.by_order[order_of(why).order_id].parts) == 2
    path.journal.close()
    routed.close()
    assert faults(tmp_path, "routed") == []
    path, routed = desk(tmp_path, "routed")
    asyncio.run(recover(path, 10, patience=()))
    assert not path.account.working
    assert [(each.standing, each.filled) for each in path.journal.reports()] == [(Standing.CANCELLED, 0.0)]
    path.journal.close()
    routed.close()


@pytest.mark.parametrize(
    ("kind", "said"),
    [("sends-first", "sent without having been written down"), ("tells-first", "not the same")],
)
def test_a_path_that_breaks_a_rule_is_found_out(kind, said):
    found = chaos("100", "--kind", kind)
    assert found.returncode == 1
    assert said in found.stderr
