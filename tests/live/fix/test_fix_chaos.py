"""Kill -9 with the FIX gateway loses nothing and doubles nothing; and the check that says so can fail."""

import pytest

from tests.live.test_chaos import chaos

pytestmark = pytest.mark.slow
MODULE = "tests.live.fix.chaos"


@pytest.mark.parametrize(("kills", "further"), [("12", []), ("6", ["--routed"])])
def test_kills_leave_what_the_brokers_have(kills, further):
    found = chaos(kills, *further, module=MODULE)
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{kills} kills" in found.stdout


def test_a_path_that_sends_first_is_found_out():
    found = chaos("100", "--broken", module=MODULE)
    assert found.returncode == 1
    assert "open order o" in found.stderr or "no such order was sent" in found.stderr
