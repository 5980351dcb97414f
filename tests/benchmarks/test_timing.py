import pytest

from benchmarks.timing import clocked, interleaved


def test_rivals_take_turns_and_every_other_round_goes_backwards():
    order = []

    def rival(name, seconds):
        return lambda: order.append(name) or seconds

    timings = interleaved({"a": rival("a", 2.0), "b": rival("b", 1.0)}, rounds=3, warm_up=1)
    assert order == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert timings["a"].seconds == (2.0, 2.0, 2.0)


def test_the_first_rounds_do_not_count():
    seconds = iter([9.0, 1.0, 3.0, 2.0])
    timing = interleaved({"a": lambda: next(seconds)}, rounds=3, warm_up=1)["a"]
    assert timing.spread() == {"min": 1.0, "median": 2.0, "max": 3.0}
    assert timing.best == 1.0


def test_clocked_measures_the_work(monkeypatch):
    clock = iter([10.0, 12.5])
    monkeypatch.setattr("benchmarks.timing.perf_counter", lambda: next(clock))
    assert clocked(lambda: None)() == pytest.approx(2.5)
