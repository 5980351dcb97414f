from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.domain.data_settings import SampleData
from pipeline.ingest.sources import load_tables

STEPS = 32


def simulate_bars(rng, days, vol, overnight_vol=0.0, drift=0.0, spread=0.0):
    """Daily bars of a geometric Brownian motion with exact ranges, seen through a bid–ask spread.

    `vol`, `overnight_vol` and `drift` are per session (while open, overnight, open to close in logs). The
    extremes of each of the 32 steps of a session are drawn from the Brownian bridge between its ends, so that
    a range is that of continuous time. A high is bought, a low is sold, open and close are either.
    """
    path = np.zeros((days, STEPS + 1))
    path[:, 1:] = np.cumsum(rng.normal(drift / STEPS, vol / np.sqrt(STEPS), (days, STEPS)), axis=1)
    left, right = path[:, :-1], path[:, 1:]
    reach = -2.0 * vol**2 / STEPS * np.log(rng.uniform(size=(2, days, STEPS)))
    high = 0.5 * (left + right + np.sqrt((right - left) ** 2 + reach[0])).max(axis=1)
    low = 0.5 * (left + right - np.sqrt((right - left) ** 2 + reach[1])).min(axis=1)
    gaps = rng.normal(0.0, overnight_vol, days) if overnight_vol else np.zeros(days)
    start = np.log(100.0) + np.cumsum(gaps) + np.concatenate([[0.0], np.cumsum(path[:-1, -1])])
    half = np.log1p(0.5 * spread)
    side = rng.choice([-half, half], (2, days))
    logs = {
        "open": start + side[0],
        "high": start + high + half,
        "low": start + low - half,
        "close": start + path[:, -1] + side[1],
    }
    return SimpleNamespace(**{name: np.exp(values) for name, values in logs.items()})


def independent_windows(values, window):
    """Values whose windows share no return (the first row has none)."""
    return values[window::window]


def standard_scores(samples, expected):
    return (np.mean(samples) - expected) / (np.std(samples, ddof=1) / np.sqrt(len(samples)))


@pytest.fixture(scope="session")
def simulation():
    return SimpleNamespace(
        bars=simulate_bars, independent=independent_windows, standard_score=standard_scores
    )


@pytest.fixture(scope="session")
def sample_tables():
    return load_tables(SampleData())


@pytest.fixture(scope="session")
def sample_bars(sample_tables):
    return sample_tables["bars"]
