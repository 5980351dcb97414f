"""Detectors of change: river's and their limits."""

import numpy as np
import pytest

from pipeline.domain.errors import DataError
from pipeline.monitor.alarm import Severity
from pipeline.monitor.batches import Batch, BatchReference
from pipeline.monitor.change import adwin, limits, page_hinkley, reached
from pipeline.monitor.concept_drift import StreamsWatch, learn_streams

DAYS, LENGTH = 8, 400


def values(seed: int, days: int = DAYS, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(days * LENGTH) + shift


def streamed(stream: str, numbers: np.ndarray):
    return ((f"day {t // LENGTH}", {stream: float(value)}) for t, value in enumerate(numbers))


def said(stream: str, learned, numbers: np.ndarray):
    watch = StreamsWatch("concept", learned)
    return [
        alarm
        for t, value in enumerate(numbers)
        for alarm in watch.take(t, f"day {t // LENGTH}", {stream: float(value)})
    ]


@pytest.mark.parametrize("way", ["up", "down", "both"])
def test_the_twin_says_what_river_reaches(way):
    rng = np.random.default_rng(3)
    known, day = rng.random(50), rng.random(60)
    highest = float(reached(known, day[None, :], way)[0])
    for factor, expected in ((0.999, True), (1.001, False)):
        test = page_hinkley(factor * highest, way, known)
        alarmed = False
        for score in day:
            test.update(score)
            alarmed = alarmed or bool(test.drift_detected)
        assert alarmed is expected


def test_limits_are_kept_by_every_day_that_was_learned_from():
    scores, day = np.random.default_rng(4).random(320), np.repeat(np.arange(8), 40)
    found = limits(scores, day, "up", 0.01)
    for number in range(8):
        own = day == number
        assert reached(scores[~own], scores[own][None, :], "up")[0] < found.threshold


def test_adwin_below_the_last_delta_is_not_asked():
    known = np.repeat([0.0, 1.0, 0.0, 1.0], 400)
    assert limits(known, np.repeat(np.arange(4), 400), "both", 0.01).delta == 0.0


def test_a_loss_that_grows_is_alarmed_and_one_that_falls_is_not():
    learned = learn_streams(streamed("qlike_5", values(1) + 3.0), 0.05)
    found = said("qlike_5", learned, values(2, 1, shift=6.0))
    assert [(each.monitor, each.feature, each.severity) for each in found] == [
        ("concept", "qlike_5", Severity.CRITICAL)
    ]
    assert not said("qlike_5", learned, values(2, 1, shift=0.0))


def test_a_change_that_does_not_matter_is_none():
    learned = learn_streams(streamed("coverage_5", 0.9 + 0.001 * values(1)), 0.05)
    assert not said("coverage_5", learned, 0.92 + 0.001 * values(2, 1))  # twenty deviations, but two points
    assert said("coverage_5", learned, 0.6 + 0.001 * values(2, 1))


def test_what_has_not_changed_is_not_alarmed():
    learned = learn_streams(streamed("likelihood", values(1)), 0.05)
    assert sum(map(bool, (said("likelihood", learned, values(seed, 1)) for seed in range(10, 40)))) <= 4


def test_it_is_alarmed_again_on_the_next_day_if_it_goes_on():
    learned = learn_streams(streamed("likelihood", values(1)), 0.05)
    assert len(said("likelihood", learned, values(2, 3, shift=-2.0))) == 3


def test_an_adaptive_window_sees_what_page_hinkley_lets_pass_day_by_day():
    known = np.full(200, 0.5) + 0.02 * np.random.default_rng(5).standard_normal(200)
    window = adwin(1e-4, known)
    for score in np.tile(known, 3) + 0.08:  # less than is tolerated within a day
        window.update(score)
        if window.drift_detected:
            break
    assert window.drift_detected


def test_too_few_values_are_refused():
    with pytest.raises(DataError, match="fewer decisions were forecast"):
        learn_streams(streamed("cost", values(1)[:50]), 0.05)


def test_a_batch_gives_one_score_for_its_values():
    batch = Batch(BatchReference(np.array([0.0, 2.0]), 2, 0.0))
    assert [batch.add(value) for value in (1.0, 3.0, 1.0, 1.0)] == [None, pytest.approx(2 / 3), None, 0.5]
