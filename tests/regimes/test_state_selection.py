import numpy as np
import pytest

from pipeline.regimes.hmm import HiddenMarkovDetector
from pipeline.regimes.state_selection import state_selection


@pytest.fixture(scope="module")
def table(market):
    features = market.features[["log_range"]]
    chosen = state_selection(features, market.returns, left_out=1000, states=(2, 3, 4), restarts=2, seed=7)
    return chosen.set_index("states")


def test_the_criterion_finds_the_true_number_of_regimes(table):
    assert table["bic"].idxmin() == 3


def test_the_true_number_is_stable_and_every_regime_is_used(table):
    assert table.loc[3, "stability"] > 0.95
    assert table.loc[3, "least_share"] > 0.1


def test_the_criterion_is_schwarz_s(table, market):
    features = market.features[["log_range"]]
    likelihood = HiddenMarkovDetector(2, 2, 7).fit(features, market.returns).log_likelihood(features)
    assert table.loc[2, "parameters"] == 2 + 2 + 2
    assert table.loc[2, "bic"] == pytest.approx(6 * np.log(5000) - 2 * likelihood, rel=1e-12)
