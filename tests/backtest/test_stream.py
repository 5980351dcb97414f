"""Batch equals stream: the last fits, saved and read back, give the walk's numbers, and go on after it."""

import io

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.continuation import Continuation
from pipeline.backtest.signals import learn_signals
from pipeline.backtest.stream import FittedSignals, stream_signals
from pipeline.domain.desk import load_desk
from pipeline.domain.errors import DataError, StoreError
from pipeline.features.assemble import assemble
from pipeline.ingest.sample import load
from pipeline.regimes.catalogue import DETECTORS

pytestmark = pytest.mark.slow
CUT = 40


@pytest.fixture(scope="module")
def market(small_desk):
    """The desk, its whole market, and its signals learned without the last sessions."""
    desk = load_desk(str(small_desk))
    tables = load()
    end = int(tables["bars"]["session"].searchsorted(pd.Timestamp("2018-03-01")))
    bars, vol = tables["bars"].iloc[:end], tables["implied_vol"]
    cut = bars.iloc[:-CUT]
    learned = learn_signals(desk, {"bars": cut}, assemble(cut, vol[vol["session"].isin(cut["session"])]))
    return desk, bars, assemble(bars, vol)["features"], learned


@pytest.fixture(scope="module")
def fitted(market):
    desk, _, _, learned = market
    return read_back(desk, learned)


def read_back(desk, learned):
    walks = {
        name.removeprefix("walks/").removesuffix(".npz"): Continuation.from_bytes(content)
        for name, content in learned.items()
        if name.startswith("walks/")
    }
    with np.load(io.BytesIO(learned["models/regime.npz"]), allow_pickle=False) as arrays:
        detector = DETECTORS[desk.regimes.detector].from_arrays(dict(arrays))
    variance = {horizon: walks[f"variance_{horizon}d"] for horizon in desk.forecasts.horizons}
    return FittedSignals(
        desk, detector, variance, walks["spike_1d"], walks["gap_1d"], walks["illiquidity_1d"]
    )


def test_on_the_last_window_every_number_is_the_walks(market, fitted):
    _, bars, features, learned = market
    batch = learned["signals"].set_index("session")
    stream = stream_signals(fitted, bars["close"].iloc[:-CUT], features.iloc[:-CUT]).set_index("session")
    window = batch[batch["window"] == batch["window"].max()]
    assert stream.index[0] == window.index[0] == fitted.boundary
    assert len(window) > 100
    shared = [name for name in window if name in stream]
    assert {"regime_prob_1", "regime_variance_21", "lower_variance_21", "upper_illiquidity"} <= set(shared)
    pd.testing.assert_frame_equal(stream.loc[window.index, shared], window[shared], rtol=1e-12, atol=1e-15)


def test_it_goes_on_after_the_walk_and_later_sessions_change_nothing_before(market, fitted):
    _, bars, features, _ = market
    whole = stream_signals(fitted, bars["close"], features).set_index("session")
    assert whole.index[-1] == bars["session"].iloc[-1]
    decided = whole.drop(columns="illiquidity_next")
    assert decided.notna().all().all()
    for cut in (1, 7):
        shorter = stream_signals(fitted, bars["close"].iloc[:-cut], features.iloc[:-cut])
        before = shorter.set_index("session").drop(columns="illiquidity_next")
        pd.testing.assert_frame_equal(decided.iloc[:-cut], before, rtol=1e-12, atol=1e-15)


def test_a_history_that_was_cut_short_is_told(market, fitted):
    _, bars, features, _ = market
    with pytest.raises(DataError, match=r"sessions from 2014-01-02 .* give the whole history"):
        stream_signals(fitted, bars["close"].iloc[4000:], features.iloc[4000:])


def test_bytes_of_something_else_are_told():
    with pytest.raises(StoreError, match="train it again"):
        Continuation.from_bytes(b"no archive")
