"""The recurrent forecaster: its export, its training, and what it does where PyTorch or data are missing."""

import importlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.domain.desk import ForecastSettings
from pipeline.domain.errors import SettingsError, StoreError
from pipeline.domain.lstm_settings import LstmSettings
from pipeline.forecasts import lstm_training
from pipeline.forecasts.log_linear import LogLinear
from pipeline.forecasts.lstm import Lstm
from pipeline.forecasts.lstm_network import LstmNetwork
from pipeline.forecasts.lstm_training import HELD_OUT, _Corrector, _cut, _plain, learn
from pipeline.forecasts.scores import qlike
from pipeline.forecasts.targets import variance_ahead
from pipeline.forecasts.task import Task, variance_task

SMALL = LstmSettings(units=4, networks=2, passes=12)
SETTINGS = ForecastSettings(lstm=SMALL)
WEEK = variance_task(5)


def some_rows(rows, inputs=3, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, inputs))


def a_corrector(seed=1, inputs=3, units=16):
    torch.manual_seed(seed)
    net = _Corrector(inputs, units)
    torch.nn.init.normal_(net.last.weight)
    return net


def plain(*nets):
    return LstmNetwork(
        np.zeros(3), np.ones(3), *(np.stack(each) for each in zip(*map(_plain, nets), strict=True))
    )


def test_plain_numbers_answer_as_pytorch_does():
    nets, rows = [a_corrector(seed) for seed in (1, 2)], np.clip(3.0 * some_rows(400), -5.0, 5.0)
    with torch.no_grad():
        expected = np.mean([net(torch.from_numpy(rows).float()[None])[0].numpy() for net in nets], axis=0)
    assert expected.std() > 0.1
    np.testing.assert_allclose(plain(*nets)(rows), expected, rtol=0, atol=1e-6)


def test_one_row_at_a_time_gives_the_bits_of_all_rows():
    network, rows = plain(a_corrector()), some_rows(90)
    memory = network.empty()
    streamed = np.concatenate([network.step(rows[t : t + 1], memory) for t in range(len(rows))])
    np.testing.assert_array_equal(streamed, network(rows))


def test_a_damaged_network_is_refused():
    state = plain(a_corrector()).to_state()
    assert LstmNetwork.from_state(state).to_state() == state
    for damaged in (
        {key: value for key, value in state.items() if key != "bias"},
        {**state, "recurrent": state["recurrent"][0]},
        {**state, "answer": [[float("nan")] * 16]},
    ):
        with pytest.raises(StoreError, match="networks are damaged"):
            LstmNetwork.from_state(damaged)


def test_every_row_counts_once_and_none_whose_target_runs_into_the_held_out_rows():
    total, horizon = 400, 7
    y = np.ones(total)
    y[33] = np.nan
    cut = _cut(np.arange(total, dtype=float)[:, None], np.zeros(total), y, horizon, steps=60)
    learned, held = (sorted(cut.rows[mask][:, 0].int().tolist()) for mask in (cut.learned, cut.held))
    first = total - int(HELD_OUT * total)
    assert learned == [row for row in range(first - horizon) if row != 33]
    assert held == list(range(first, total))


def test_it_finds_what_only_the_order_of_the_rows_tells():
    rng = np.random.default_rng(5)
    jumps = rng.choice([0.0, 1.0], size=3000, p=[0.97, 0.03])
    stress = pd.Series(jumps).ewm(alpha=0.08, adjust=False).mean().to_numpy()
    level = np.exp(rng.normal(0.0, 0.1, (3000, 3)))
    X = pd.DataFrame(level, columns=["day", "week", "month"]).assign(jump=jumps)
    y = np.exp(8.0 * stress) * rng.gamma(8.0, 1 / 8.0, 3000)
    task = Task("variance_made", "level", 1, ("day", "week", "month"), ("jump",))
    settings = ForecastSettings(lstm=LstmSettings(units=8, networks=1))
    train, test = slice(0, 2400), slice(2400, 3000)
    lstm = Lstm(task, settings).fit(X[train], y[train]).predict(X)[test]
    linear = LogLinear(task).fit(X[train], y[train]).predict(X)[test]
    known = qlike(y[test], np.exp(8.0 * stress)[test]).mean()
    gain = qlike(y[test], linear).mean() - known
    assert gain > 0.01
    assert qlike(y[test], lstm).mean() - known < 0.5 * gain


def test_noise_leaves_the_linear_start_nearly_alone(market):
    y = variance_ahead(market["close"], 5).outcome
    lstm = Lstm(WEEK, SETTINGS, 3).fit(market, y)
    ratio = (lstm.predict(market) / lstm.start_.predict(market))[30:]
    assert np.abs(np.log(ratio)).max() < 0.2


def test_a_longer_horizon_is_corrected_less():
    rows, rng = some_rows(1200), np.random.default_rng(2)
    y = np.exp(0.5 * rows[:, 0]) * rng.gamma(4.0, 0.25, len(rows))
    sizes = [
        np.abs(learn(rows, np.zeros(len(rows)), y, horizon, SMALL, seed=1)(rows)).mean()
        for horizon in (1, 5, 22)
    ]
    assert sizes[0] > sizes[1] > sizes[2]


def test_rows_that_all_lie_in_the_held_out_part_leave_the_linear_start():
    rows, y = some_rows(600), np.full(600, np.nan)
    y[480:] = 2.0
    assert (learn(rows, np.zeros(600), y, 1, SMALL, seed=1)(rows) == 0.0).all()


def test_inputs_are_cut_and_a_missing_one_counts_as_the_mean():
    network = replace(plain(a_corrector()), mean=np.full(3, 2.0), rate=np.full(3, 0.5))
    rows = np.array([[2.0, 1e9, 4.0], [np.nan, -1e9, 4.0]])
    kept = np.array([[2.0, 12.0, 4.0], [2.0, -8.0, 4.0]])
    np.testing.assert_array_equal(network(rows), network(kept))


def test_a_column_unknown_or_constant_in_training_is_never_read(market):
    blind = market.assign(log_volume_ratio=np.nan, return_1d=0.01)
    lstm = Lstm(WEEK, SETTINGS).fit(blind, variance_ahead(market["close"], 5).outcome)
    later = blind.assign(log_volume_ratio=3.0)
    np.testing.assert_array_equal(lstm.predict(later), lstm.predict(blind))


def test_pytorch_keeps_its_own_random_numbers_and_threads(market):
    threads = torch.get_num_threads()
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    Lstm(WEEK, SETTINGS).fit(market, variance_ahead(market["close"], 5).outcome)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_without_torch_one_line_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"forecasts.lstm needs PyTorch, an extra: pip install 'regime-"):
        importlib.reload(lstm_training)


def test_hedgers_are_given_only_what_is_fitted():
    with pytest.raises(ValueError, match=r"add the table \[forecasts.lstm\]"):
        ForecastSettings(chosen="lstm")
    assert ForecastSettings(chosen="lstm", lstm=LstmSettings()).chosen == "lstm"
