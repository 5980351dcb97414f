import numpy as np

from pipeline.forecasts.confidence_set import SIZE, confidence_set


def losses(shift, rows=600, seed=3):
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(rows)
    return {name: common + more + 0.3 * rng.standard_normal(rows) for name, more in shift.items()}


def test_the_best_is_always_in_and_a_clearly_worse_one_is_out():
    p = confidence_set(losses({"best": 0.0, "worse": 0.3, "close": 0.005}), horizon=1, seed=7)
    assert p["best"] == 1.0 or p["close"] == 1.0
    assert p["worse"] < SIZE <= min(p["best"], p["close"])


def test_equal_models_stay_in_as_often_as_promised():
    """Under equal losses the set holds a given model with 90 % at least, less two standard errors."""
    tries = 60
    kept = [confidence_set(losses({"a": 0.0, "b": 0.0}, 200, s), 1, s)["a"] >= SIZE for s in range(tries)]
    assert np.mean(kept) >= 0.9 - 2 * np.sqrt(0.09 / tries)


def test_it_repeats_and_longer_blocks_admit_more_doubt():
    table = losses({"a": 0.0, "b": 0.02})
    assert confidence_set(table, 5, 7) == confidence_set(table, 5, 7)
    rng = np.random.default_rng(0)
    runs = np.repeat(rng.standard_normal(30), 20) + 0.25
    slow = {"a": np.zeros(600), "b": runs}
    assert confidence_set(slow, 20, 7)["b"] > confidence_set(slow, 1, 7)["b"]


def test_too_few_rows_have_no_p_value():
    assert np.isnan(list(confidence_set(losses({"a": 0.0, "b": 1.0}, 40), 10, 7).values())).all()


def test_models_with_the_same_losses_share_a_p_value():
    rng = np.random.default_rng(0)
    good, bad = rng.exponential(1.0, 500), rng.exponential(2.0, 500)
    alone = confidence_set({"good": good, "bad": bad}, 1, 7)
    twice = confidence_set({"good": good, "bad": bad, "again": good}, 1, 7)
    assert twice == {**alone, "again": alone["good"]}
    assert confidence_set({"good": good, "again": good}, 1, 7) == {"good": 1.0, "again": 1.0}
