"""Which features let a regime detector forecast the variance to go best.

Walks each detector forward with yearly refits and prints the QLIKE of the variance that its filtered
probabilities expect over the next 5 and 21 sessions. `2006-2015` is where the shipped desk's choice was made:
before that desk's test years, but among those of the benchmark of real days. `2001-2003` lies before them
all, and learns from 1999 on. Run with `python benchmarks/regime_features.py 2001-2003`; takes one minute, and
five for the other.
"""

import sys
from datetime import date

import numpy as np
import pandas as pd

from pipeline.backtest.learned_regimes import learn_regimes
from pipeline.backtest.windows import refit_windows
from pipeline.domain.desk import Desk
from pipeline.features.assemble import assemble
from pipeline.forecasts.scores import qlike
from pipeline.forecasts.targets import variance_ahead
from pipeline.ingest.sources import load_tables

SETS = (
    ("return_1d", "log_parkinson_1d"),
    ("log_parkinson_1d",),
    ("log_parkinson_1d", "log_parkinson_5d"),
    ("log_parkinson_5d",),
    ("log_parkinson_1d", "log_parkinson_22d"),
    ("log_parkinson_5d", "log_parkinson_22d"),
    ("log_parkinson_5d", "trend_22d"),
    ("log_parkinson_22d", "variance_ratio_66d"),
    ("log_parkinson_5d", "log_realized_vol_22d"),
)
LOGGED = ("realized_vol_22d",)
FLOOR = 1e-8
YEARS = {"2006-2015": (2006, 2008, 2015), "2001-2003": (2001, 2002, 2003)}
"""First year of signals, of the nominal test, and the last; what is judged starts with the signals."""


def main() -> None:
    chosen = sys.argv[1] if len(sys.argv) > 1 else "2006-2015"
    if chosen not in YEARS:
        sys.exit(f"{chosen}: name one of {', '.join(YEARS)}")
    first, test, last = YEARS[chosen]
    market = load_tables(Desk(name="x", policies={"run": ()}).data)
    before = market["bars"]["session"] < f"{last + 1}-01-01"
    close = market["bars"].loc[before, "close"]
    features = assemble(market["bars"], market["implied_vol"])["features"][before]
    features = features.assign(**{f"log_{name}": np.log(features[name]) for name in LOGGED})
    windows = {
        "signals_start": date(first, 1, 1),
        "test_start": date(test, 1, 1),
        "test_end": date(last, 12, 31),
        "refit_months": 12,
    }
    ahead = {h: np.maximum(variance_ahead(close, h).outcome, FLOOR) for h in (5, 21)}
    print(f"{'detector':8} {'states':6} {'features':40} {'QLIKE 5':>8} {'QLIKE 21':>8}  volatilities")
    for detector in ("hmm", "kmeans", "jump"):
        for names in SETS:
            for states in (2, 3):
                regimes = {"detector": detector, "states": states, "features": names}
                desk = Desk(name="x", policies={"run": ()}, windows=windows, regimes=regimes)
                learned = learn_regimes(
                    desk, features, refit_windows(desk.windows, pd.DatetimeIndex(features["session"]))
                )
                losses = []
                for h, came in ahead.items():
                    outcome = came[learned.signals.index]
                    loss = qlike(outcome, learned.signals[f"regime_variance_{h}"].to_numpy())
                    losses.append(np.nanmean(loss))
                volatilities = " ".join(f"{vol:.3f}" for vol in learned.described["volatility"])
                print(
                    f"{detector:8} {states:<6} {', '.join(names):40} {losses[0]:8.3f} {losses[1]:8.3f}  "
                    f"{volatilities}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
