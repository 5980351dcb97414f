"""How long orders travel on a day that goes by: those of a decision as in the batch, a slice for itself."""

import numpy as np
import pytest

from pipeline.domain.intraday_desk import IntradayHedge
from pipeline.features.decision_day import drawn_latency
from pipeline.features.decision_times import SECOND, DecisionTimes
from pipeline.live.day_clock import TimedClock

MADE = DecisionTimes(np.arange(30, 3600, 30) * SECOND, opened=0, closed=3600 * SECOND)
HEDGE = IntradayHedge(latency={"median_seconds": 2.0, "spread": 0.5})
SEED = [7, 737000]


@pytest.fixture
def clock():
    return TimedClock(MADE, HEDGE, SEED)


def test_what_a_decision_orders_travels_as_in_the_batch(clock):
    batch = drawn_latency(HEDGE, MADE.until / SECOND, SEED)
    found = [clock.latency(int(at)) for at in MADE.times]
    np.testing.assert_allclose(found, batch * SECOND, atol=0.5)
    assert clock.latency(-SECOND) == found[0], "of another day"
    assert clock.latency(9 * 3600 * SECOND) == found[-1]


def test_a_slice_between_two_decisions_travels_for_itself_and_always_as_long(clock):
    between = [int(at) + 10 * SECOND for at in MADE.times]
    found = np.array([clock.latency(at) for at in between])
    ours = np.array([clock.latency(int(at)) for at in MADE.times])
    assert len({*found, *ours}) == 2 * len(found), (
        "neither the latency of the decision before nor of the next"
    )
    assert found.tolist() == [TimedClock(MADE, HEDGE, SEED).latency(at) for at in between]
    logs = np.log(found / (2.0 * SECOND))
    assert abs(logs.mean()) < 4.0 * 0.5 / np.sqrt(len(logs))
    assert logs.std() == pytest.approx(0.5, rel=0.3)


def test_a_slice_arrives_before_the_next_decision_or_the_close(clock):
    assert clock.latency(60 * SECOND - 5) == 5
    assert clock.latency(3600 * SECOND - 5) == 5
