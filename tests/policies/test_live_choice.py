"""Who a desk goes live with."""

import pytest

from pipeline.backtest.desk_check import checked_any
from pipeline.domain.desk import RegimeRule
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import SettingsError
from pipeline.policies.catalogue import FLAGSHIP, POLICIES
from pipeline.policies.live_choice import FITTED, FORMS, check_live, followed, live_of, named_live
from pipeline.policies.regime_switched import ABLATIONS
from tests.stored_market import DESK

BAC = load_any("bac-intraday")


def going_live(live, desk=DESK, **networks):
    policies = desk.policies.model_copy(update={"live": live, "networks": networks})
    return desk.model_copy(update={"policies": policies})


def running(*run):
    return BAC.model_copy(update={"policies": BAC.policies.model_copy(update={"run": run})})


def test_a_network_of_the_desk_file_or_the_registrys():
    assert (live_of(DESK), followed(DESK)) == (FLAGSHIP, FLAGSHIP)
    assert followed(going_live("network_band")) == "network_band"
    assert followed(going_live("network_band", network_band="a.npz")) == FLAGSHIP, "what is named stays"
    assert named_live(going_live("network_band"), "x 1") == "x 1"
    pinned = going_live("network_band", network_band="a.npz")
    assert named_live(pinned, "x 1") == "x 1, a.npz"
    assert named_live(pinned, "x 1, y.network_band 2", "network_band") == "x 1, y.network_band 2"


@pytest.mark.parametrize(
    ("live", "why"),
    [
        ("recurrent_band", "it reads its path since the deal, a live desk looks at one decision"),
        ("network_slope", r"it does not go live; did you mean network_band\?"),
        ("limit_aware", r"follows the desk's own inventory, P&L and room .*not told; .*, regime_switched"),
        ("regime_swiched", r"it does not go live; did you mean regime_switched\?"),
        ("optimal_band", "a dynamic programme solves its band"),
        ("history_slope", "its slope is learned before a chain"),
        ("zakamouline", r"a run has to fit it: name it in policies\.run too"),
    ],
)
def test_who_cannot_is_told_why(live, why):
    with pytest.raises(SettingsError, match=why):
        check_live(going_live(live, running(FLAGSHIP)))


def test_every_policy_of_the_catalogue_goes_live_or_is_told_why():
    refused = set()
    for name in POLICIES:
        run = [name] if name in FITTED - {each.name for each in ABLATIONS} else []
        try:
            check_live(going_live(name, running(*run, FLAGSHIP)))
        except SettingsError:
            refused.add(name)
    assert refused == set(POLICIES) - FORMS


def test_a_map_goes_live_with_rules_that_do():
    check_live(going_live("regime_map", running("regime_map")))
    follows = {regime: RegimeRule(policy="limit_aware") for regime in BAC.regimes.names}
    regimes = BAC.regimes.model_copy(update={"map": follows})
    with pytest.raises(SettingsError, match="'regime_map': its band follows the desk's own inventory"):
        check_live(going_live("regime_map", running("regime_map").model_copy(update={"regimes": regimes})))


def test_a_desk_file_is_checked(tmp_path):
    from pathlib import Path

    import pipeline.desks

    text = (Path(next(iter(pipeline.desks.__path__))) / "bac-intraday.toml").read_text()
    desk = tmp_path / "desk.toml"
    desk.write_text(text.replace("[policies]", '[policies]\nlive = "recurrent_band"'))
    with pytest.raises(
        SettingsError, match=r"desk\.toml: policies\.live = 'recurrent_band': it reads its path"
    ):
        checked_any(str(desk))
