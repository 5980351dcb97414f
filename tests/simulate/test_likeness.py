import numpy as np
import pytest
from scipy import stats

from pipeline.domain.errors import DataError
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.gjr_garch import GjrGarch
from pipeline.simulate.likeness import likeness, said, statistics
from pipeline.simulate.switching import MarkovSwitching

SWITCHING = MarkovSwitching()


def returns_of(market, seed, steps=2000):
    return np.diff(np.log(market.simulate(paths=1, steps=steps, dt=1 / 252, seed=seed).spot[0]))


def test_the_statistics_are_those_of_scipy():
    returns = returns_of(GjrGarch(), 5, 400)
    found = {name: values[0] for name, values in statistics(returns[None], 1 / 252).items()}
    assert found["volatility"] == pytest.approx(returns.std() * np.sqrt(252))
    assert found["skewness"] == pytest.approx(stats.skew(returns))
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(returns))
    squares = (returns - returns.mean()) ** 2
    assert found["squares_5"] == pytest.approx(np.corrcoef(squares[:-5], squares[5:])[0, 1])
    each = [np.corrcoef(returns[:-k], squares[k:])[0, 1] for k in range(1, 6)]
    assert found["leverage"] == pytest.approx(np.mean(each))


def test_a_market_matches_its_own_history():
    report = likeness(SWITCHING, returns_of(SWITCHING, 77), paths=200)
    assert report["matches"].sum() >= len(report) - 1
    assert report.loc[["volatility", "kurtosis", "squares_1"], "matches"].all()


def test_one_volatility_misses_tails_and_clusters():
    history = returns_of(SWITCHING, 77)
    report = likeness(BlackScholes(volatility=history.std() * np.sqrt(252)), history, paths=200)
    assert report.loc["volatility", "matches"]
    assert not report.loc[["kurtosis", "squares_1", "squares_5"], "matches"].any()
    assert said(report).startswith("matches volatility")
    assert "kurtosis, squares_1" in said(report).split("misses ")[1]


def test_switching_misses_the_leverage_of_gjr():
    history = returns_of(GjrGarch(alpha=0.0, gamma=0.18, beta=0.89), 7, 4000)
    report = likeness(SWITCHING, history, paths=100)
    assert report.loc["leverage", "history"] < report.loc["leverage", "low"]


def test_gaps_are_refused():
    with pytest.raises(DataError, match="1 of them missing"):
        likeness(SWITCHING, np.r_[np.zeros(200), np.nan])
