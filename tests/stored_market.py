"""Three made days of a desk within the day, the last one tested, and what is learned from the others."""

from functools import cache

import numpy as np
import pandas as pd

from pipeline.backtest.stored_days import StoredDays
from pipeline.deep.desk_task import risk_of
from pipeline.deep.stored_task import StoredTask
from pipeline.domain.intraday_desk import IntradayDesk
from tests.live.made_decisions import REACH, made_signals

DESK = IntradayDesk.model_validate(
    {
        "name": "made",
        "option": {"steps": REACH, "start_every": 5},
        "hedge": {"size": 0.05, "lot": 1e-4},
        "costs": {"fee_bps": 0.5},
        "risk": {"aversion": 20.0},
        "data": {"instrument": "BTC", "files": ["none"]},
        "grid": {"every_seconds": 30},
        "regimes": {"states": 2},
        "forecasts": {"horizons": [1, REACH]},
        "windows": {
            "learn_start": "2020-03-02",
            "signals_start": "2020-03-03",
            "test_start": "2020-03-05",
            "test_end": "2020-03-06",
        },
        "policies": {"run": ["delta_implied", "zakamouline"]},
        "evaluation": {"block_steps": 2 * REACH},
    }
)


@cache
def made_days() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return signals and books, a row a decision; no test may change them."""
    days = []
    for number, day in enumerate(("2020-03-03", "2020-03-04", "2020-03-05")):
        signals, books = made_signals(seed=3 + number)
        later = pd.Timedelta(days=number - 2)
        rng = np.random.default_rng(number)
        signals = signals.assign(
            time=signals["time"] + later,
            day=day,
            tested=number == 2,
            window=number,
            sound=1.0,
            crossing_cost=2e-4,
            spike_prob=rng.uniform(0.0, 0.3, len(signals)),
            cost_forecast=1e-4 * rng.uniform(1.0, 3.0, len(signals)),
        )
        days.append((signals, books.assign(time=books["time"] + later)))
    signals, books = (pd.concat(parts, ignore_index=True) for parts in zip(*days, strict=True))
    return signals, books


@cache
def small_task() -> StoredTask:
    """Return what a hedger learns on them."""
    days = StoredDays.of(DESK, *made_days())
    return StoredTask(days=days, risk=risk_of(DESK.risk), aversion=DESK.risk.aversion)
