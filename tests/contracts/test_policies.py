"""What every hedger must do, whoever wrote it: found by looking into the room, not from a list.

Each answers a valid band, reads the present of its own episode only, gives live (one time) what it gives in
batch, needs no more position than the book's delta can ask for, fits without touching its inputs, and
hedges a net book of options as it hedges one. Those that go live answer one option as their batch does.
"""

import importlib
import inspect
import json
import pkgutil
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import pairwise

import numpy as np
import pytest

import pipeline.policies
from pipeline.backtest.ledger import book
from pipeline.backtest.stepping import band_along
from pipeline.domain.band import Band
from pipeline.domain.desk import Desk, load_desk
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import Leg, Liability
from pipeline.domain.market_state import WIDE
from pipeline.domain.option_state import OptionState
from pipeline.domain.risk_measures import measure
from pipeline.policies import exposure
from pipeline.policies.base import Policy, Score, Training, reads_path, reads_position
from pipeline.policies.catalogue import POLICIES, _build
from pipeline.policies.engineered_state import COLUMNS
from pipeline.policies.live_choice import FORMS
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_band import INPUTS, OPTION, NetworkBand
from pipeline.policies.network_position import NetworkPosition, RecurrentPosition
from pipeline.policies.network_slope import SLOPE_INPUTS, NetworkSlope
from pipeline.policies.one_option import answer_of
from pipeline.policies.recurrent_band import RecurrentBand
from pipeline.policies.written import restored, written
from tests.recurrent import some_recurrent

DESK: Desk = load_desk("spx-daily")


def found_in_the_room():
    """Every class with a name and a band that a module of the room defines."""
    classes = set()
    for module in pkgutil.iter_modules(pipeline.policies.__path__):
        source = importlib.import_module(f"pipeline.policies.{module.name}")
        for _, kind in inspect.getmembers(source, inspect.isclass):
            own = kind.__module__ == source.__name__
            if own and kind is not Policy and callable(getattr(kind, "band", None)) and hasattr(kind, "name"):
                classes.add(kind)
    return classes


def test_the_catalogue_holds_every_policy_of_the_room():
    assert {kind.name: kind for kind in found_in_the_room()} == POLICIES


def some_network(more=0):
    """A network with numbers as training might leave them."""
    return network_of(len(INPUTS) + more, 2)


def network_of(width, outputs):
    rng = np.random.default_rng(3)
    sizes = (width, 8, 8, outputs)
    layers = tuple(
        Layer(
            tuple(map(tuple, rng.normal(0, into**-0.5, (out, into)).tolist())),
            tuple(rng.normal(0, 0.3, out).tolist()),
        )
        for into, out in pairwise(sizes)
    )
    edge = (10.0,) * width
    return Network(layers, (0.0,) * width, (2.0,) * width, tuple(-each for each in edge), edge)


TRAINED = {
    "trained network_band": lambda: NetworkBand(some_network()),
    "network_band that sees": lambda: NetworkBand(some_network(len(COLUMNS)), tuple(COLUMNS)),
    "trained network_slope": lambda: NetworkSlope(network_of(len(SLOPE_INPUTS), 1)),
    "trained recurrent_band": lambda: RecurrentBand(some_recurrent()),
    "trained network_position": lambda: NetworkPosition(network_of(len(OPTION), 1)),
    "trained recurrent_position": lambda: RecurrentPosition(some_recurrent(inputs=OPTION, outputs=1)),
}


@pytest.fixture(params=[*sorted(POLICIES), *TRAINED])
def policy(request):
    if request.param in TRAINED:
        return TRAINED[request.param]()
    return _build(request.param, DESK, "policies.run")


def training_on(state, market):
    def score(policy):
        pnl = book(market, policy.band(state)).pnl
        parts = np.array_split(pnl, 4)
        return Score(float(measure(pnl, DESK.risk)), np.array([float(measure(p, DESK.risk)) for p in parts]))

    return Training(state, score, budget=10)


@pytest.fixture
def fitted(policy, make_state):
    return policy.fit(training_on(*make_state(seed=8)))


def edges(band: Band):
    return {field.name: getattr(band, field.name) for field in fields(Band)}


def live(policy, state, t):
    """The state that a policy is asked with when it decides at a time."""
    return state.until(t) if reads_path(policy) else state.at(t)


def test_it_is_frozen_and_comparable(policy):
    assert is_dataclass(policy)
    assert type(policy).__dataclass_params__.frozen
    assert policy == replace(policy)
    hash(policy)


@pytest.mark.parametrize("kind", ["call", "put", "straddle"])
@pytest.mark.parametrize("side", ["short", "long"])
def test_it_answers_a_valid_band_within_reach(policy, make_state, kind, side):
    state, market = make_state(kind, side, cost=1e-4)
    band = policy.fit(training_on(state, market)).band(state).checked(policy.name)
    assert all(edge.shape == (*state.shape, 1) for edge in edges(band).values())
    low, high = exposure.position_range(state)
    ledger = book(market, band)
    assert (ledger.position[..., 0] >= low - 0.25).all()
    assert (ledger.position[..., 0] <= high + 0.25).all()


def test_the_future_of_the_state_does_not_matter(fitted, make_state):
    state, _ = make_state()
    other, _ = make_state(seed=99)
    for t in (0, 7, 19):
        arrays = {
            field.name: np.concatenate(
                [getattr(state, field.name)[:, : t + 1], getattr(other, field.name)[:, t + 1 :]], axis=1
            )
            for field in fields(state)
            if isinstance(getattr(state, field.name), np.ndarray) and field.name != "step"
        }
        before, after = edges(fitted.band(state)), edges(fitted.band(replace(state, **arrays)))
        for name in before:
            assert (before[name][:, : t + 1] == after[name][:, : t + 1]).all(), (t, name)


@pytest.mark.parametrize("rate", [0.0, 0.04, -0.03])
def test_live_equals_batch(fitted, make_state, rate):
    state = replace(make_state()[0], rate=rate)
    batch = edges(fitted.band(state))
    for t in (0, 1, 10, 20):
        for name, edge in edges(fitted.band(live(fitted, state, t))).items():
            np.testing.assert_allclose(edge[:, -1], batch[name][:, t], rtol=1e-14, atol=0, err_msg=name)


def test_stepping_gives_the_bands_of_the_batch(fitted, make_state):
    state, market = make_state()
    batch = edges(fitted.band(state))
    if reads_position(fitted):
        pytest.skip("its batch is stepped")
    for name, edge in edges(band_along(Stepped(fitted), state, market)).items():
        np.testing.assert_allclose(edge, batch[name], rtol=1e-14, atol=0, err_msg=name)


def test_an_episode_does_not_read_its_neighbours(fitted, make_state):
    state, _ = make_state()
    batch, some = edges(fitted.band(state)), np.array([3, 17, 40])
    for name, edge in edges(fitted.band(state.episodes(some))).items():
        np.testing.assert_allclose(edge, batch[name][some], rtol=1e-14, atol=0, err_msg=name)


def test_fitting_leaves_the_state_alone_and_repeats(policy, make_state):
    state, market = make_state(seed=8)
    copy, _ = make_state(seed=8)
    assert policy.fit(training_on(state, market)) == policy.fit(training_on(state, market))
    for field in fields(state):
        np.testing.assert_array_equal(getattr(state, field.name), getattr(copy, field.name))


def test_parameters_are_plain_numbers(fitted):
    assert all(isinstance(value, float) for value in fitted.parameters().values())


def test_what_it_learned_is_kept_exactly(fitted):
    kept = restored(json.loads(json.dumps(written(fitted))))
    assert kept == fitted
    assert type(kept) is type(fitted)


def as_book(state, copies):
    """The state of a net book that holds `copies` of the state's option."""

    def stacked(array):
        return np.broadcast_to(array, (copies, *state.shape)).copy()

    path = {*WIDE, "step", "cost", "cost_lower", "cost_upper"}
    path |= {"spike_prob", "spike_base", "gap_prob", "gap_base"}
    path |= {"inventory", "realised_pnl", "marked_pnl", "position_room", "loss_room"}
    arrays = {
        field.name: stacked(getattr(state, field.name))
        for field in fields(state)
        if isinstance(getattr(state, field.name), np.ndarray) and field.name not in path
    }
    legs = tuple(Leg(leg.right, stacked(np.full((1, 1), leg.quantity))) for leg in state.liability.legs)
    held = {"liability": Liability(legs), "lots": stacked(np.ones((1, 1)))}
    arrays["age"] = stacked(state.step.astype(float))
    return replace(state, risk_aversion=np.full(state.shape, state.risk_aversion / copies), **held, **arrays)


@pytest.mark.parametrize("kind", ["call", "straddle"])
def test_a_book_of_one_option_has_the_band_of_the_option(policy, make_state, kind):
    state, market = make_state(kind, cost=1e-4)
    fitted = policy.fit(training_on(state, market))
    alone = edges(fitted.band(state))
    for name, edge in edges(fitted.band(as_book(state, 1))).items():
        np.testing.assert_array_equal(edge, alone[name], err_msg=name)


def test_a_book_of_equal_options_has_as_many_times_the_band(fitted, make_state):
    state = replace(make_state()[0], rate=0.03)
    alone, many = edges(fitted.band(state)), edges(fitted.band(as_book(state, 5)).checked(fitted.name))
    speed = many.pop("speed")
    np.testing.assert_array_equal(speed, alone.pop("speed"))
    for name, edge in many.items():
        np.testing.assert_allclose(edge, 5 * alone[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_a_book_live_equals_batch(fitted, make_state):
    state = as_book(make_state()[0], 3)
    batch = edges(fitted.band(state))
    for t in (0, 1, 20):
        for name, edge in edges(fitted.band(live(fitted, state, t).episodes(np.array([3, 17])))).items():
            np.testing.assert_allclose(edge[:, -1], batch[name][[3, 17], t], rtol=1e-12, err_msg=name)


def option_at(state, row, t):
    """The option of one episode at one time, as a live loop sees it."""
    found = {"step": int(state.step[t]), "value": 0.0, "delta": 0.0}
    for name in OptionState._fields:
        value = found.get(name, getattr(state, name, None))
        array = isinstance(value, np.ndarray)
        cell = value[row, t] if array else value
        found[name] = float(cell) if array and cell.ndim == 0 else cell
    return OptionState(**found)


@pytest.mark.parametrize("kind", ["call", "straddle"])
@pytest.mark.parametrize("fee", [0.0, 0.01])
def test_who_goes_live_answers_one_option_as_its_batch(policy, make_state, kind, fee):
    if policy.name not in FORMS:
        pytest.skip("it does not go live")
    state, market = make_state(kind, cost=1e-4, seed=8)
    fitted = policy.fit(training_on(state, market))
    one = np.ones(state.shape)
    state = replace(state, price=state.forward[..., None], forward_slope=one, fixed_fee=fee * one)
    batch, answer = edges(fitted.band(state)), answer_of(fitted, state.liability)
    for row, t in [(0, 0), (3, 1), (17, 9), (40, 20)]:
        expected = [edge[row, t, 0] for edge in batch.values()]
        np.testing.assert_allclose(answer(option_at(state, row, t)), expected, rtol=1e-11, atol=1e-13)


@dataclass
class Stepped:
    """A policy that is asked step by step although it does not read the desk's own state."""

    policy: Policy
    reads_position = True

    @property
    def name(self):
        return self.policy.name

    @property
    def reads_path(self):
        return reads_path(self.policy)

    def band(self, state):
        return self.policy.band(state)


def test_who_reads_the_path_must_be_asked_from_its_start(make_state):
    for name in ("recurrent_band", "recurrent_position"):
        with pytest.raises(PolicyError, match=f"{name}: reads the path since an option was dealt"):
            TRAINED[f"trained {name}"]().band(make_state()[0].at(3))


class Clairvoyant:
    """What must not pass: a hedge at tomorrow's price."""

    name = "clairvoyant"

    def band(self, state):
        tomorrow = np.roll(state.forward, -1, axis=1)
        return Band.around((tomorrow > state.forward).astype(float))


def test_a_hedger_that_sees_tomorrow_fails_the_contract(make_state):
    with pytest.raises(AssertionError):
        test_the_future_of_the_state_does_not_matter(Clairvoyant(), make_state)
    with pytest.raises(AssertionError):
        test_live_equals_batch(Clairvoyant(), make_state, 0.0)
