"""The score that the flagship is tuned by in Market B."""

import numpy as np
import pytest

from benchmarks.market_b import BLOCKS, TRUE, episodes, plain, score_of, simulated
from pipeline.backtest.ledger import book
from pipeline.domain.risk_measures import entropic


def test_the_blocks_of_a_score_have_the_mean_of_the_whole_and_its_standard_error():
    volatility, rule = plain(0.34, 0.3)
    state, market = episodes(simulated(3, 10 * BLOCKS), 1e-3, volatility, TRUE)
    score, pnl = score_of(state, market)(rule), book(market, rule.band(state)).pnl
    assert score.value == pytest.approx(float(entropic(pnl, 1.0)), rel=1e-12)
    assert score.blocks.mean() == pytest.approx(score.value, rel=1e-12)
    loss = np.exp(-pnl)
    one = loss.std() / loss.mean() / np.sqrt(len(loss))
    assert score.blocks.std(ddof=1) / np.sqrt(BLOCKS) == pytest.approx(one, rel=0.25)
