"""How many regimes the first training window of the shipped desk speaks for: BIC and stability.

Rows from the desk's `learn_start` to its `signals_start` only; the second fit leaves out the last year.
Run with `python benchmarks/regime_states.py`; takes about ten seconds.
"""

import pandas as pd

from pipeline.domain.desk import load_desk
from pipeline.features.assemble import assemble
from pipeline.ingest.sources import load_tables
from pipeline.regimes.state_selection import state_selection


def main() -> None:
    desk = load_desk("spx-daily")
    market = load_tables(desk.data)
    features = assemble(market["bars"], market["implied_vol"])["features"]
    learn, signals = (pd.Timestamp(day) for day in (desk.windows.learn_start, desk.windows.signals_start))
    rows = features[(features["session"] >= learn) & (features["session"] < signals)]
    table = state_selection(
        rows[list(desk.regimes.features)],
        rows["return_1d"].to_numpy(float),
        left_out=252,
        restarts=desk.regimes.restarts,
        seed=desk.seed,
    )
    print(
        table.round({"log_likelihood": 1, "bic": 1, "stability": 3, "least_share": 3}).to_string(index=False)
    )


if __name__ == "__main__":
    main()
