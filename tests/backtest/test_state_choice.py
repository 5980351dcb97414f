"""The number of regimes by a rule: chosen on the rows before the first signal, the same ever after."""

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.learned_regimes import learn_regimes
from pipeline.backtest.state_choice import settled, with_chosen_states
from pipeline.backtest.windows import Window
from pipeline.domain.desk import Desk
from pipeline.domain.errors import SettingsError
from pipeline.simulate.markov_chain import sample_chain

MOVES = np.array([[0.97, 0.03, 0.00], [0.02, 0.95, 0.03], [0.00, 0.06, 0.94]])
VOLATILITY = np.array([0.006, 0.013, 0.030])
ROWS, END = 2400, 2000


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(11)
    regimes = sample_chain(MOVES, steps=ROWS, paths=1, rng=rng)[0]
    returns = VOLATILITY[regimes] * rng.standard_normal(ROWS)
    log_range = np.log(VOLATILITY[regimes]) + rng.normal(0.0, 0.2, ROWS)
    return pd.DataFrame({"return_1d": returns, "log_range": log_range})


def desk(states):
    regimes = {"states": states, "features": ("log_range",), "restarts": 1}
    return Desk(name="x", policies={"run": ()}, regimes=regimes)


@pytest.mark.parametrize("rule", ["bic", "stability"])
def test_the_true_number_is_found(features, rule):
    assert with_chosen_states(desk(rule), features, END).regimes.count == 3


def test_the_future_has_no_say(features):
    scrambled = features.copy()
    scrambled.iloc[END:] = np.random.default_rng(1).normal(0.0, 5.0, (ROWS - END, 2))
    assert with_chosen_states(desk("bic"), scrambled, END).regimes.count == 3


def test_every_refit_has_the_number_that_was_chosen(features):
    chosen = with_chosen_states(desk("bic"), features, END)
    windows = [Window(0, END, 2200, tested=False), Window(1, 2200, ROWS, tested=True)]
    learned = learn_regimes(chosen, features, windows)
    assert [name for name in learned.signals if name.startswith("regime_prob_")] == [
        "regime_prob_0", "regime_prob_1", "regime_prob_2",
    ]  # fmt: skip
    assert settled(desk("bic"), learned.signals).regimes == chosen.regimes


def test_a_number_stays_as_it_is(features):
    own = desk(4)
    assert with_chosen_states(own, features, END) is own
    assert settled(own, features) is own


def test_names_before_training_and_a_map_without_them_are_errors():
    with pytest.raises(SettingsError, match="known after training"):
        _ = desk("bic").regimes.names
    rules = {name: {"policy": "delta_implied"} for name in ("calm", "normal", "turbulent")}
    with pytest.raises(ValueError, match="states to be a number"):
        Desk(name="x", policies={"run": ()}, regimes={"states": "bic", "map": rules})
