from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from pipeline.simulate.markov_chain import sample_chain

MOVES = np.array([[0.97, 0.03, 0.00], [0.02, 0.95, 0.03], [0.00, 0.06, 0.94]])
VOLATILITY = np.array([0.006, 0.013, 0.030])


@dataclass(frozen=True)
class Market:
    """Simulated sessions whose regimes are known."""

    features: pd.DataFrame
    returns: np.ndarray
    regimes: np.ndarray


@pytest.fixture(scope="session")
def market():
    rng = np.random.default_rng(11)
    regimes = sample_chain(MOVES, steps=5000, paths=1, rng=rng)[0]
    returns = VOLATILITY[regimes] * rng.standard_normal(5000)
    log_range = np.log(VOLATILITY[regimes]) + rng.normal(0.0, 0.3, 5000)
    sessions = pd.bdate_range("1999-01-04", periods=5000, name="session")
    features = pd.DataFrame({"return_1d": returns, "log_range": log_range}, index=sessions)
    return Market(features, returns, regimes)
