"""The liquidity forecaster's verdict, and the drift of the market, on made-up numbers."""

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluate.liquidity import liquidity_table, liquidity_verdict
from pipeline.evaluate.market_quality import drift_table, stability_index
from pipeline.forecasts.intraday_tasks import LIQUIDITY, RIVALS


def losses(rng, own, best, rest=0.5, rows=600):
    """Forecasts whose log errors have the given deviations."""
    parts = []
    for target in LIQUIDITY:
        actual = np.exp(rng.normal(0, 0.3, rows))
        errors = {"lightgbm": own, RIVALS[0]: best, **dict.fromkeys(RIVALS[1:], rest)}
        made = {name: actual * np.exp(rng.normal(0, e, rows)) for name, e in errors.items()}
        parts.append(pd.DataFrame({**made, "target": target, "actual": actual}))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("own", "best", "answer"), [(0.1, 0.3, "yes"), (0.3, 0.1, "it hurt"), (0.2, 0.2, "no")]
)
def test_the_verdict_answers_to_the_losses(own, best, answer):
    table = liquidity_table(losses(np.random.default_rng(5), own, best))
    assert set(table.loc[table["best"], "model"]) == {RIVALS[0]}
    assert liquidity_verdict(table, 0.05).answer == answer


def test_a_shift_of_one_deviation_is_large_and_none_is_small():
    rng = np.random.default_rng(1)
    before = rng.normal(size=20_000)
    assert stability_index(before, rng.normal(size=20_000)) < 0.01
    # of two normals a deviation apart, d = 1, the index of fine bins is d² = 1; ten bins see less
    assert 0.8 < stability_index(before, 1.0 + rng.normal(size=20_000)) < 1.0


def test_drift_compares_the_rows_before_with_the_tested():
    rows = 400
    names = ("half_spread", "crossing_cost", "depth", "log_rate", "log_variance_20", "sound")
    signals = pd.DataFrame({name: np.r_[np.zeros(rows), np.ones(rows)] for name in names})
    signals["tested"] = np.repeat([False, True], rows)
    table = drift_table(signals)
    assert (table["ks"] == 1.0).all()
    assert (table["before"] == 0.0).all()
    assert (table["tested"] == 1.0).all()


@pytest.mark.parametrize("own", [0.0, 0.1], ids=["all know it", "only LightGBM errs"])
def test_what_never_moves_is_forecast_without_a_loss_by_rivals(own):
    """A market of constant spread and depth: nobody is divided by nought."""
    table = liquidity_table(losses(np.random.default_rng(6), own, 0.0, rest=0.0))
    assert (table.loc[table["best"], "qlike"] == 0.0).all()
    verdict = liquidity_verdict(table, 0.05)
    assert verdict.answer == ("it hurt" if own else "no")
    assert ("a QLIKE above the 0 of" if own else "the same QLIKE as") in verdict.sentence
