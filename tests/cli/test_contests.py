"""Challengers of a daily desk are judged on its data when somebody wants to promote them."""

import pytest

from pipeline.cli.contests import contest_of
from pipeline.domain.desk import load_desk
from pipeline.domain.errors import StoreError
from pipeline.tracking.database import connect
from pipeline.tracking.promotion import CHALLENGER

pytestmark = pytest.mark.slow


def test_a_daily_desk_is_judged_on_the_sessions_of_its_data(home, small_desk, hedge_here):
    settings = load_desk(str(small_desk))
    with pytest.raises(StoreError, match="desk small has no challenger"):
        contest_of(settings, str(small_desk), home)
    connect(home / "mlruns").set_registered_model_alias("small.regime_switched", CHALLENGER, "1")
    found = contest_of(settings, str(small_desk), home)
    assert found.options > 0
    said = hedge_here("promote", small_desk, "--reason", "why", "--home", home)
    assert said.returncode == 1
    assert f"not promoted: {found.failed[0]}" in said.stderr
