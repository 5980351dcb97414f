"""The walk of the volatility benchmark knows no target before it is complete."""

import numpy as np
import pytest

from benchmarks import volatility_models
from benchmarks.volatility_models import combined, every_day, every_month, recurrent, smeared
from pipeline.domain.lstm_settings import LstmSettings

ROWS, FIRST, HORIZON = 260, 200, 5


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(volatility_models, "FIRST_FORECAST", FIRST)
    monkeypatch.setattr(volatility_models, "LEARNED", 20)


@pytest.fixture
def rows():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(ROWS, 2))
    return X, np.exp(0.5 * X[:, 0] + 0.3 * rng.normal(size=ROWS))


@pytest.mark.parametrize("how", ["daily", "monthly"])
def test_the_first_forecasts_do_not_move_with_later_targets(rows, how):
    X, y = rows

    def walked(target):
        return (
            every_day(np.exp(X), target, HORIZON)
            if how == "daily"
            else every_month(smeared, X, target, HORIZON)
        )

    changed = y.copy()
    changed[FIRST - HORIZON + 1 :] *= 5.0
    before, after = walked(y), walked(changed)
    assert before[0] == after[0]
    assert not np.array_equal(before, after)


def test_a_target_counts_from_the_day_it_is_complete(rows):
    X, y = rows
    changed = y.copy()
    changed[FIRST - HORIZON] *= 5.0
    walked = [every_month(smeared, X, each, HORIZON)[0] for each in (y, changed)]
    assert walked[0] != walked[1]


def test_a_rolling_window_forgets_what_lies_before_it(rows):
    X, y = rows
    newest, early = 100, y.copy()
    early[: FIRST - newest] *= 5.0
    rolling, expanding = (
        [every_month(smeared, X, each, HORIZON, kept)[0] for each in (y, early)] for kept in (newest, None)
    )
    assert rolling[0] == rolling[1]
    assert expanding[0] != expanding[1]
    members = {"good": y * 1.05, "bad": y * 2.0}
    later = y.copy()
    later[:50] *= 3.0
    np.testing.assert_array_equal(
        *(combined(members, each, HORIZON, newest)[198:] for each in (y, later)),
    )


def test_inputs_beyond_those_learned_from_are_clipped(rows):
    X, y = rows
    forecast = smeared(X, y)
    np.testing.assert_array_equal(forecast(100.0 * np.ones((1, 2))), forecast(X.max(axis=0)[None]))


def test_a_combination_weighs_by_what_had_come_true(rows):
    _, y = rows
    members = {"good": y * 1.05, "bad": y * 2.0}
    early = combined(members, y, HORIZON)
    np.testing.assert_allclose(early[:22], np.sqrt(members["good"] * members["bad"])[:22])
    late = np.log(early[-1] / members["good"][-1]) / np.log(members["bad"][-1] / members["good"][-1])
    assert 0.0 < late < 0.01
    later = y.copy()
    later[200:] *= 3.0
    np.testing.assert_array_equal(combined(members, later, HORIZON)[:198], early[:198])


def test_networks_do_not_move_with_targets_that_are_not_complete(rows):
    X, y = rows
    small = LstmSettings(units=3, networks=1, steps=10, passes=4)
    later = y.copy()
    later[FIRST - HORIZON + 1 :] *= 5.0
    walked = [recurrent(X, X, each, HORIZON, small) for each in (y, later)]
    assert walked[0][0] == walked[1][0]
    assert not np.array_equal(*walked)
    changed = y.copy()
    changed[FIRST - HORIZON] *= 5.0
    assert recurrent(X, X, changed, HORIZON, small)[0] != walked[0][0]
