"""What every simulated market must do: found by looking into the room, not from a list."""

import importlib
import inspect
import pkgutil
from dataclasses import fields, replace

import numpy as np
import pytest

import pipeline.simulate
from pipeline.domain.errors import SettingsError
from pipeline.simulate.bootstrap import StationaryBootstrap
from pipeline.simulate.process import Process

DT = 1 / 252
HISTORY = tuple(np.random.default_rng(5).normal(0.001, 0.01, 500).tolist())
NEEDED = {StationaryBootstrap: {"history": HISTORY}}
"""What a process must be given, where its parameters have no defaults."""


def found_in_the_room():
    kinds = set()
    for module in pkgutil.iter_modules(pipeline.simulate.__path__):
        source = importlib.import_module(f"pipeline.simulate.{module.name}")
        for _, kind in inspect.getmembers(source, inspect.isclass):
            if issubclass(kind, Process) and not inspect.isabstract(kind):
                kinds.add(kind)
    return sorted(kinds, key=lambda kind: kind.name)


KINDS = found_in_the_room()


def test_names_are_told_apart():
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 8


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def process(request):
    return request.param(**NEEDED.get(request.param, {}))


def columns(paths):
    return {field.name: getattr(paths, field.name) for field in fields(paths) if field.name != "interval"}


def same(one, other):
    for name, column in columns(one).items():
        np.testing.assert_array_equal(column, columns(other)[name], err_msg=name)


def test_shapes_and_types(process):
    found = process.simulate(paths=3, steps=5, dt=DT, seed=7)
    assert found.interval == DT
    assert {name: (each.shape, each.dtype.name) for name, each in columns(found).items()} == {
        "spot": ((3, 6), "float64"),
        "variance": ((3, 6), "float64"),
        "regime": ((3, 6), "int64"),
    }
    assert (found.spot[:, 0] == process.spot).all()
    assert (found.spot > 0.0).all()
    assert np.isfinite(found.spot).all()


def test_threads_and_batches_do_not_move_a_bit(process):
    whole = process.simulate(paths=700, steps=6, dt=DT, seed=7, threads=1)
    same(whole, process.simulate(paths=700, steps=6, dt=DT, seed=7, threads=2))
    same(whole.episodes(slice(301, 700)), process.simulate(paths=399, steps=6, dt=DT, seed=7, first=301))


def test_fewer_steps_are_the_beginning(process):
    long, short = (process.simulate(paths=5, steps=steps, dt=DT, seed=7) for steps in (9, 4))
    np.testing.assert_array_equal(long.spot[:, :5], short.spot)


def test_the_seed_decides(process):
    one, other = (process.simulate(paths=300, steps=6, dt=DT, seed=seed).spot for seed in (7, 8))
    assert (one[:, 1:] != other[:, 1:]).any(axis=1).all()


@pytest.mark.parametrize("drift", [0.0, 0.5])
def test_the_expected_price_grows_with_the_drift(process, drift):
    market = replace(process, drift=drift)
    found = market.simulate(paths=40_000, steps=21, dt=DT, seed=11).spot
    for t in (1, 5, 21):
        error = found[:, t].std() / np.sqrt(len(found))
        assert abs(found[:, t].mean() - market.spot * np.exp(drift * t * DT)) < 3 * error


def test_prices_scale_with_the_start(process):
    one, ten = (replace(process, spot=spot).simulate(paths=9, steps=9, dt=DT, seed=7) for spot in (1.0, 10.0))
    np.testing.assert_allclose(ten.spot, 10.0 * one.spot, rtol=1e-12)


@pytest.mark.parametrize("fault", [{"paths": 0}, {"steps": 0}, {"dt": 0.0}, {"dt": np.nan}, {"seed": -1}])
def test_what_cannot_be_simulated_is_refused(process, fault):
    asked = {"paths": 3, "steps": 3, "dt": DT, "seed": 7} | fault
    with pytest.raises(SettingsError):
        process.simulate(**asked)


def test_a_price_that_cannot_be_is_refused(process):
    with pytest.raises(SettingsError, match="positive price"):
        replace(process, spot=0.0)
