import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from pipeline.domain.errors import SettingsError
from pipeline.forecasts.reliability import reliability_table, wilson_interval


@pytest.mark.parametrize(("events", "trials"), [(0, 20), (3, 50), (50, 50), (17, 40)])
def test_wilson_agrees_with_statsmodels(events, trials):
    expected = proportion_confint(events, trials, alpha=0.1, method="wilson")
    np.testing.assert_allclose(wilson_interval(events, trials), expected, atol=1e-12)


def test_no_trials_are_refused():
    with pytest.raises(SettingsError, match="at least one trial"):
        wilson_interval(0, 0)


def test_a_true_probability_lies_inside_as_often_as_promised():
    rng = np.random.default_rng(4)
    inside = []
    for _ in range(60):
        probability = rng.uniform(0.02, 0.5, 1500)
        event = (rng.uniform(size=1500) < probability).astype(float)
        inside += reliability_table(event, probability)["inside"].tolist()
    error = np.sqrt(0.09 / len(inside))
    assert np.mean(inside) == pytest.approx(0.9, abs=3 * error)


def test_a_shifted_probability_is_found_out():
    rng = np.random.default_rng(5)
    probability = rng.uniform(0.0, 0.4, 3000)
    event = (rng.uniform(size=3000) < probability).astype(float)
    assert not reliability_table(event, probability + 0.2)["inside"].any()


def test_groups_are_ordered_hold_every_known_row_and_survive_ties():
    rng = np.random.default_rng(6)
    probability = np.where(rng.uniform(size=400) < 0.7, 0.1, rng.uniform(0.1, 0.9, 400))
    event = (rng.uniform(size=400) < probability).astype(float)
    event[:7] = np.nan
    table = reliability_table(event, probability)
    assert table["n"].sum() == 393
    assert table["forecast"].is_monotonic_increasing
    assert reliability_table(event, np.full(400, 0.3))["n"].tolist() == [393]
