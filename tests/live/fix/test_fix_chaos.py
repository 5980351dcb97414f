"""Kill -9 with the FIX gateway loses nothing and doubles nothing; and the check that says so can fail."""

import pytest

from tests.live.test_chaos import chaos

pytestmark = pytest.mark.slow
MODULE = "tests.live.fix.chaos"


def test_kills_leave_what_the_broker_has():
    found = chaos("12", module=MODULE)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "12 kills" in found.stdout


def test_a_path_that_sends_first_is_found_out():
    found = chaos("100", "--broken", module=MODULE)
    assert found.returncode == 1
    assert "open order o" in found.stderr or "no such order was sent" in found.stderr
