"""A desk that goes live asks people where it has soft limits and the user names a server, else nobody."""

import pytest

from flows.asking import PrefectApprovals
from pipeline.cli.asking import NO_SERVER, approvals_of
from pipeline.domain.desk_file import load_any
from pipeline.domain.overlay_settings import OverlaySettings
from pipeline.live.approvals import Nobody

SERVER = "http://127.0.0.1:4200/api"


@pytest.fixture
def desk():
    """Return a function that gives a desk a rule about its position."""
    plain = load_any("bac-intraday")
    return lambda rule: plain.model_copy(update={"overlay": OverlaySettings(position=rule)})


def test_people_are_asked_in_the_named_server(desk):
    approvals, beside = approvals_of(desk({"limit": 2.0, "soft": 1.0}), SERVER)
    assert isinstance(approvals, PrefectApprovals)
    assert beside == [approvals]


@pytest.mark.parametrize(("rule", "server"), [({"limit": 2.0, "soft": 1.0}, None), ({"limit": 2.0}, SERVER)])
def test_else_nobody_is(desk, rule, server):
    approvals, beside = approvals_of(desk(rule), server)
    assert isinstance(approvals, Nobody)
    assert (approvals.fault, approvals.answers(), beside) == (NO_SERVER, (), [])
