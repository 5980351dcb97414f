"""What decisions make known: losses when the outcome is there, likelihoods, errors of the hedge."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.lane import Dealt
from pipeline.domain.desk_file import load_any
from pipeline.forecasts.intervals import Interval, winkler
from pipeline.forecasts.scores import qlike
from pipeline.monitor.alarm import Alarm, Forecast, Observed, Severity
from pipeline.monitor.health import Health
from pipeline.monitor.hedging_error import HedgingErrors
from pipeline.monitor.likelihood import OneStep
from pipeline.monitor.streams import COST, Streams
from pipeline.monitor.watch import Watch
from pipeline.regimes.kmeans import KMeansDetector

RNG = np.random.default_rng(1)
MIDS = 100.0 * np.exp(np.cumsum(1e-3 * RNG.standard_normal(12)))


@pytest.fixture(scope="module")
def detector() -> KMeansDetector:
    rows = np.concatenate([RNG.normal(0.0, 1.0, (200, 2)), RNG.normal(4.0, 2.0, (200, 2))])
    return KMeansDetector(states=2).fit(pd.DataFrame(rows, columns=["a", "b"]), 0.01 * rows[:, 0])


def seen(t: int, **given) -> Observed:
    base = Observed(t * 30_000_000_000, "one", t / 2, float(MIDS[t]), {COST: 2e-4})
    return replace(base, **given)


def test_a_forecast_is_scored_when_its_outcome_is_there(detector):
    streams = Streams((3,), OneStep(detector))
    forecast = Forecast(2e-6, 1e-6, 9e-6)
    found = [streams.step(seen(t, variance={3: forecast})) for t in range(6)]
    came = (np.diff(np.log(MIDS[:4])) ** 2).sum()
    assert ["qlike_3" in each for each in found] == [False] * 3 + [True] * 3
    assert found[3]["qlike_3"] == pytest.approx(float(qlike(np.array([came]), np.array([2e-6]))[0]))
    assert found[3]["coverage_3"] == float(1e-6 <= came <= 9e-6)
    edges = Interval(np.log([1e-6]), np.log([9e-6]))
    expected = 0.05 * float(winkler(np.log([came]), edges)[0])
    assert found[3]["pinball_3"] == pytest.approx(expected)


def test_a_forecast_does_not_reach_into_the_next_day(detector):
    streams = Streams((3,), OneStep(detector))
    forecast = {3: Forecast(2e-6, 1e-6, 9e-6)}
    for t in range(3):
        streams.step(seen(t, variance=forecast))
    assert "qlike_3" not in streams.step(seen(3, variance=forecast, day="two"))


def test_cost_is_scored_at_the_next_decision_and_what_is_not_known_has_no_value(detector):
    streams = Streams((3,), OneStep(detector))
    cost = Forecast(1e-4, 5e-5, 2e-4)
    assert "cost" not in streams.step(seen(0, cost=cost))
    assert streams.step(seen(1))["cost"] == pytest.approx(2.0 - np.log(2.0) - 1.0)
    assert "cost" not in streams.step(seen(2))  # there was no forecast


def test_the_likelihoods_of_the_decisions_are_the_filters(detector):
    rows = pd.DataFrame(RNG.normal(1.0, 2.0, (11, 2)), columns=["a", "b"])
    prob, streams = detector.filter(rows), Streams((3,), OneStep(detector))
    found = [
        streams.step(seen(t, features={"a": x.a, "b": x.b}, prob=prob[t]))
        for t, x in enumerate(rows.itertuples())
    ]
    first = detector.log_likelihood(rows.iloc[:1])
    total = first + sum(each["likelihood"] for each in found[1:])
    assert total == pytest.approx(detector.log_likelihood(rows))
    assert found[4]["regime_1"] == prob[4, 1]


def test_the_error_of_a_hedge_is_what_it_and_the_option_made_together():
    desk = load_any("bac-intraday")
    errors = HedgingErrors(desk)
    mids, size = [100.0, 101.0, 103.0], desk.hedge.size
    lives = [Dealt(100.0, 2), Dealt(100.0, 1), Dealt(103.0, 2)]
    found = [
        errors.step(seen(t, mid=mid, dealt=dealt, value=-0.01, position=position * size))
        for t, (mid, dealt, position) in enumerate(zip(mids, lives, (0.0, 0.5, 0.8), strict=True))
    ]
    assert found[:2] == [{}, {}]
    bps = (1.0 - 3.0 + 0.5 * 1.0 + 0.8 * 2.0) / 100.0 * 1e4
    assert found[2] == {"error": pytest.approx(bps), "miss": pytest.approx(abs(bps))}


def test_an_option_whose_value_was_not_known_has_no_error():
    errors = HedgingErrors(load_any("bac-intraday"))
    for t, left in enumerate((2, 1, 2)):
        assert errors.step(seen(t, dealt=Dealt(100.0, left), value=np.nan if t < 2 else -0.01)) == {}


def test_old_quotes_are_alarmed_once_and_again_after_they_were_well():
    health, alarms = Health(30.0, age=5.0), []
    for t, age in enumerate([1.0] * 3 + [9.0] * 10 + [1.0] * 30 + [np.nan] * 6):
        at = t * 30_000_000_000
        alarms += [each.feature for each in health.watch(Observed(at, "one", t / 2, 100.0, {}, age=age))]
    assert alarms == ["age", "age"]


def test_a_decision_that_does_not_come_is_a_gap_within_a_day_only():
    health = Health(30.0, age=5.0)
    assert not health.watch(seen(0))
    (alarm,) = health.watch(seen(4))
    assert (alarm.feature, alarm.numbers["seconds"]) == ("gap", 120.0)
    assert not health.watch(seen(11, day="two"))


def test_a_monitor_that_fails_is_left_out_and_said():
    class Broken:
        name = "broken"

        def watch(self, _: Observed) -> list[Alarm]:
            raise ZeroDivisionError("no")

        def state(self) -> dict[str, float]:
            return {}

    watch = Watch([Broken(), Health(30.0, age=5.0)])
    (alarm,) = watch.watch(seen(0))
    assert (alarm.feature, alarm.severity) == ("broken", Severity.WARNING)
    assert "ZeroDivisionError: no" in alarm.said
    assert watch.watch(seen(1)) == []
    assert ("health", "age") in watch.state()
