"""The comparison of learning under a desk's frictions, on a budget that teaches nothing."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.deep_desk_frictions import PLAN, booked, measure, task
from benchmarks.learned import entropic
from pipeline.deep.frictions import NONE
from pipeline.policies.network_band import NetworkBand
from pipeline.policies.zakamouline import Zakamouline


def test_frictions_are_charged_and_who_learned_nothing_is_zakamouline():
    desk = task(0.01)
    untrained, prior = (booked(desk, each, 0.2, 2000) for each in (NetworkBand(), Zakamouline()))
    np.testing.assert_array_equal(untrained, prior)
    smooth = booked(replace(desk, frictions=NONE), Zakamouline(), 0.2, 2000)
    assert entropic(prior, 1.0)[0] > entropic(smooth, 1.0)[0] + 0.1


@pytest.mark.slow
def test_every_share_and_volatility_is_judged(capsys):
    found = list(measure(replace(PLAN, steps=1, paths=512), tested=500))
    assert len({each.name for each in found}) == len(found) == 12
    assert all(abs(each.ours) < 0.05 and each.detail["error"] > 0.0 for each in found)
    assert "12%, up to 1.73" in capsys.readouterr().out
