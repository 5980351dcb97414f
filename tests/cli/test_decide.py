import json
import re

import pytest


@pytest.mark.slow
@pytest.mark.usefixtures("served")
def test_a_decision_is_a_table_or_json_and_on_old_data_a_code_of_its_own(hedge_here, home, small_desk):
    stale = hedge_here("decide", small_desk, "--home", home, "--position", "0.2")
    assert stale.returncode == 3
    for part in ("regime_switched", "delta_implied", "small.event_forecaster version 1", "stale data"):
        assert part in stale.stdout
    assert re.match("hedge: stale data: .*--allow-stale accepts it", stale.stderr.splitlines()[-1])
    accepted = hedge_here(
        "decide", small_desk, "--home", home, "--allow-stale", "--json", "--strike", "2500", "--expiry",
        "2019-01-18", "--opened", "2018-12-14", "--kind", "put", "--quantity", "-3",
    )  # fmt: skip
    assert accepted.returncode == 0, accepted.stderr
    (option,) = json.loads(accepted.stdout)["options"]
    assert (option["kind"], option["strike"], option["quantity"]) == ("put", 2500.0, -3.0)
    assert (option["expiry"], option["sessions_left"]) == ("2019-01-18", 13)
    assert len(list((home / "data" / "decisions" / "small").glob("2018-12-31-decided-*.json"))) == 2
    fault = hedge_here("decide", small_desk, "--home", home, "--kind", "calls")
    assert (fault.returncode, fault.stderr) == (1, "hedge: --kind is calls: give call, put or straddle\n")
