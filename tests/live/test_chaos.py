"""Kill −9 at random points loses nothing and doubles nothing; and the check that says so can fail."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres_server

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


@pytest.mark.parametrize(
    ("kind", "said"),
    [("sends-first", "sent without having been written down"), ("tells-first", "not the same")],
)
def test_a_path_that_breaks_a_rule_is_found_out(kind, said):
    found = chaos("100", "--kind", kind)
    assert found.returncode == 1
    assert said in found.stderr
