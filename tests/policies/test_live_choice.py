"""Who a desk goes live with."""

import pytest

from pipeline.backtest.desk_check import checked_any
from pipeline.domain.errors import SettingsError, StoreError
from pipeline.domain.home import Home
from pipeline.domain.intraday_desk import LatencySettings
from pipeline.policies.checkpoint import SEES, Checkpoint, network_arrays
from pipeline.policies.engineered_state import COLUMNS
from pipeline.policies.live_choice import check_live, policy_live
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_band import INPUTS, NetworkBand
from pipeline.policies.regime_switched import RegimeSwitched
from pipeline.policies.saved_network import keep_network, terms_digest
from tests.stored_market import DESK

WIDTH = len(INPUTS) + len(COLUMNS)
NETWORK = Network(
    (Layer(((0.5,) * WIDTH, (0.1,) * WIDTH), (0.0, 0.2)),), (0.0,) * WIDTH, (1.0,) * WIDTH, (-1.0,) * WIDTH,
    (1.0,) * WIDTH,
)  # fmt: skip


def going_live(live, desk=DESK, **networks):
    policies = desk.policies.model_copy(update={"live": live, "networks": networks})
    return desk.model_copy(update={"policies": policies})


@pytest.fixture
def file(tmp_path):
    """A network that learned on the desk's days, among the desk's."""
    new = Checkpoint(terms_digest(DESK), {SEES: list(COLUMNS)}, network_arrays(NETWORK))
    new.write(tmp_path / "new.npz")
    return keep_network(Home.find(), DESK.name, "network_band", (tmp_path / "new.npz").read_bytes()).name


def test_the_flagship_or_the_network_of_the_file(file):
    flagship = RegimeSwitched()
    assert policy_live(DESK, flagship) is flagship
    live = going_live("network_band", network_band=file)
    assert policy_live(live, flagship) == NetworkBand(NETWORK, tuple(COLUMNS))
    taught = live.executed(LatencySettings(median_seconds=1.5), crossing=1.3)
    assert policy_live(taught, flagship) == NetworkBand(NETWORK, tuple(COLUMNS)), "own fills outdate none"
    other = live.model_copy(update={"hedge": DESK.hedge.model_copy(update={"size": 7.0})})
    with pytest.raises(StoreError, match="trained for another desk"):
        policy_live(other, flagship)


@pytest.mark.parametrize(
    ("live", "why"),
    [
        ("network_band", "policies.networks names no file of it: hedge train --policy network_band prints"),
        ("recurrent_band", "it reads its path since the deal, a live desk looks at one decision"),
        ("network_slope", r"it does not go live; did you mean network_band\?"),
        ("limit_aware", r"follows the desk's own inventory, P&L and room .*not told; .*, regime_switched"),
        ("regime_swiched", r"it does not go live; did you mean regime_switched\?"),
    ],
)
def test_who_cannot_is_told_why(live, why):
    with pytest.raises(SettingsError, match=why):
        check_live(going_live(live))


def test_a_desk_file_is_checked(tmp_path):
    from pathlib import Path

    import pipeline.desks

    text = (Path(next(iter(pipeline.desks.__path__))) / "bac-intraday.toml").read_text()
    desk = tmp_path / "desk.toml"
    desk.write_text(text.replace("[policies]", '[policies]\nlive = "sac_band"'))
    with pytest.raises(SettingsError, match=r"desk\.toml: policies\.live = 'sac_band': policies\.networks"):
        checked_any(str(desk))
