"""Trained networks in the backtest: every window is hedged with the one that serves in it."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.comparison import run_backtest
from pipeline.domain.home import Home
from pipeline.policies.checkpoint import Checkpoint, network_arrays
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_band import INPUTS
from pipeline.policies.saved_network import keep_network, terms_digest, with_networks

WIDTH = len(INPUTS)
FIRST, SECOND = date(2016, 1, 1), date(2016, 7, 1)


def kept(desk, shift):
    """Keep a network that moves the centre of every band by about so many half-widths."""
    layer = Layer(((0.0,) * WIDTH, (0.0,) * WIDTH), (shift, 0.0))
    network = Network((layer,), *((each,) * WIDTH for each in (0.0, 1.0, -9.0, 9.0)))
    new = Home.find().root / "new.npz"
    Checkpoint(terms_digest(desk), {}, network_arrays(network)).write(new)
    return keep_network(Home.find(), desk.name, "network_band", new.read_bytes()).name


@pytest.fixture
def room(desk):
    policies = desk.policies.model_copy(update={"run": ("network_band",)})
    evaluation = desk.evaluation.model_copy(update={"frontier": 3})
    return desk.model_copy(update={"policies": policies, "evaluation": evaluation})


def test_every_window_is_hedged_with_the_network_that_serves_in_it(room, signals):
    low, high = kept(room, -0.9), kept(room, 0.9)

    def run(*files):
        served = with_networks(room, {"network_band": dict(zip((FIRST, SECOND), files, strict=False))})
        return run_backtest(served, signals)

    only_low, only_high, both = run(low), run(high), run(low, high)
    keys = ["policy", "delay", "start"]
    books = {
        name: each["episodes"].set_index(keys)
        for name, each in zip("lhb", (only_low, only_high, both), strict=True)
    }
    second = (books["b"]["window"] == 2).to_numpy()
    assert 0 < second.sum() < len(second)
    pd.testing.assert_frame_equal(books["b"][~second], books["l"][~second], check_exact=True)
    pd.testing.assert_frame_equal(books["b"][second], books["h"][second], check_exact=True)
    network = np.asarray(books["b"].index.get_level_values("policy") == "network_band")
    assert (books["l"]["pnl"] != books["h"]["pnl"])[network].mean() > 0.9
    hedged = books["b"][network & (books["b"].index.get_level_values("delay") == 0)]
    row = both["frontier"].set_index(["policy", "aversion"]).loc[("network_band", room.risk.aversion)]
    assert row["pnl_mean_bps"] == pytest.approx(100.0 * hedged["pnl"].mean(), rel=1e-9)
    assert both["networks"]["network"].tolist() == [low, high]
    assert both["networks"]["first"].tolist() == [pd.Timestamp(FIRST), pd.Timestamp(SECOND)]
    assert only_low["networks"]["network"].tolist() == [low]
    book = both["book"][both["book"]["policy"] == "network_band"].set_index("session")["upper"]
    for start, stop, like in ((FIRST, SECOND, only_low), (SECOND, date(2017, 1, 1), only_high)):
        days = slice(pd.Timestamp(start), pd.Timestamp(stop) - pd.Timedelta(days=1))
        other = like["book"][like["book"]["policy"] == "network_band"].set_index("session")["upper"]
        np.testing.assert_array_equal(book[days], other[days])
