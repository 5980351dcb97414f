"""Every policy that learns a network decides live as it does in a batch: found among those that learn.

Each with all networks that it takes, plain and recurrent, paced and not, is asked one decision after another
along random paths, and has the edges of its arrays; what has none in arrays has none live.
"""

import math
from dataclasses import fields, replace
from itertools import product

import numpy as np
import pytest

from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.edges import Edges
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import Leg, Liability
from pipeline.policies.base import reads_path
from pipeline.policies.engineered_state import COLUMNS
from pipeline.policies.live_network import LiveNetwork
from pipeline.policies.saved_network import LEARNED
from pipeline.simulate.black_scholes import BlackScholes
from tests.contracts.test_policies import network_of
from tests.recurrent import some_recurrent

pytestmark = pytest.mark.slow  # it is compiled

COST, AVERSION, RATE, SLOPE = 2e-3, 0.7, 0.03, 0.97
SEEN = ("cost_over_known", "log_impact")
OWED = {
    "short call": Liability.of("call", "short"),
    "long put": Liability.of("put", "long"),
    "short straddle": Liability.of("straddle", "short"),
    "a call against two puts": Liability((Leg("call", 1.0), Leg("put", -2.0))),
}
DAY, MOMENT = 1 / 252, 1e-7


def takes(kind, *given):
    try:
        return kind(*given)
    except PolicyError:
        return None


def networks():
    """Plain and recurrent ones of all sizes that a policy may ask for."""
    for width, outputs in product(range(1, 13), range(1, 4)):
        yield network_of(width, outputs)
        yield some_recurrent(inputs=range(width), outputs=outputs)


FOUND = {
    f"{name} {policy.network.sizes}": policy
    for name, kind in LEARNED.items()
    for network, sees in product(networks(), ((), (SEEN,)))
    if (not sees or "sees" in {field.name for field in fields(kind)})
    and (policy := takes(kind, network, *sees))
}


def test_every_policy_that_learns_is_among_them():
    assert {policy.name for policy in FOUND.values()} == set(LEARNED)
    sizes = {name: {each.network.sizes for each in FOUND.values() if each.name == name} for name in LEARNED}
    assert sizes["network_band"] == {(7, 2), (7, 3), (9, 2), (9, 3)}
    assert sizes["recurrent_position"] == {(2, 5, 1)}


@pytest.fixture(params=FOUND)
def policy(request):
    return FOUND[request.param]


def episodes(liability, interval, fee=0.0, most_impact=0.0):
    """Calm and wild paths, from deep in the money to deep out of it, to the last decision before expiry."""
    rng = np.random.default_rng(5)
    spot = BlackScholes(volatility=0.4).simulate(paths=24, steps=6, dt=DAY, seed=2).spot
    spot[::4] *= np.linspace(0.7, 1.4, 6)[:, None]
    vol = 0.3 * np.exp(rng.normal(size=spot[:, :-1].shape))
    terms = {"strike": 101.0, "interval": interval, "cost": COST, "risk_aversion": AVERSION}
    state, _ = simulated_episodes(spot, vol, liability, **terms)
    charged = {"cost": COST * (1.0 + rng.random(state.shape)), "fixed_fee": np.full(state.shape, fee)}
    charged["impact"] = most_impact * rng.random(state.shape)
    return replace(state, rate=RATE, forward_slope=np.full(state.shape, SLOPE), **charged)


def live_of(policy, state):
    fee = float(np.max(state.fixed_fee))
    return LiveNetwork(policy, state.liability, COST, AVERSION, state.interval, RATE, fee)


def numbers(state):
    """What a decision is told, [N, T, 7]."""
    option = (state.forward, state.strike, state.time_to_expiry, state.implied_vol, state.price[..., 0])
    columns = (*option, state.forward_slope, state.impact)
    return np.stack([np.broadcast_to(each, state.shape) for each in columns], axis=-1)


def beside(policy, state):
    """What it sees beside the option, [N, T, M]."""
    sees = getattr(policy, "sees", ())
    found = np.empty((*state.shape, len(sees)))
    for place, name in enumerate(sees):
        found[..., place] = COLUMNS[name](state)
    return found


def asked(live, told, seen):
    """The edges along a path, [T, 5]."""
    live.deal()
    return [live(*each, sees=other) for each, other in zip(told.tolist(), seen.tolist(), strict=True)]


def edges(band):
    """Those of arrays, [N, T, 5]."""
    return np.stack([getattr(band, name)[..., 0] for name in Edges._fields], axis=-1)


@pytest.mark.parametrize("owed", OWED)
@pytest.mark.parametrize("interval", [DAY, MOMENT])
@np.errstate(divide="ignore")
def test_it_decides_as_the_batch_does(policy, owed, interval):
    state = episodes(OWED[owed], interval)
    live = live_of(policy, state)
    found = [asked(live, *path) for path in zip(numbers(state), beside(policy, state), strict=True)]
    np.testing.assert_allclose(found, edges(policy.band(state)), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("fee", "impact"), [(0.01, 0.0), (0.0, 2e-2), (0.01, 2e-2)])
def test_it_answers_fees_and_impact_as_the_batch_does(policy, fee, impact):
    state = episodes(OWED["short call"], DAY, fee, impact)
    live, expected = live_of(policy, state), edges(policy.band(state))
    found = [asked(live, *path) for path in zip(numbers(state), beside(policy, state), strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
    if "band" in policy.name:
        assert (np.ptp(expected[..., 4]) > 0.1) == bool(impact)
        assert (expected[..., 2] > expected[..., 0]).any() == bool(fee)


@np.errstate(invalid="ignore", divide="ignore")
def test_what_has_no_band_in_a_batch_has_none_live(policy):
    state = episodes(OWED["long put"], DAY, most_impact=2e-3).episodes(slice(0, 1)).until(0)
    live, told = live_of(policy, state), numbers(state)[0, 0].tolist()
    seen = beside(policy, state)[0, 0].tolist()
    names = ("forward", "strike", "time_to_expiry", "implied_vol", "price", "forward_slope", "impact")
    for place, name in enumerate(names):
        unknown = np.full_like(getattr(state, name), np.nan)
        missing = replace(state, **{name: unknown})
        try:
            expected = edges(policy.band(missing).checked(policy.name))[0, 0]
        except PolicyError:
            expected = None
        live.deal()
        without = [*told[:place], math.nan, *told[place + 1 :]]
        other = beside(policy, missing)[0, 0].tolist()
        if expected is None:
            with pytest.raises(PolicyError, match=f"policy {policy.name}: no band at .*nan"):
                live(*without, sees=other)
        else:
            np.testing.assert_allclose(live(*without, sees=other), expected, rtol=0, atol=1e-12)
    for place in range(len(seen)):
        with pytest.raises(PolicyError, match="one of what is seen beside them"):
            live(*told, sees=[*seen[:place], math.inf, *seen[place + 1 :]])
    with pytest.raises(PolicyError, match=f"told {len(seen) + 1} columns beside the option, it sees"):
        live(*told, sees=[*seen, 0.0])


def test_a_failed_call_is_not_remembered_and_a_deal_forgets(policy):
    state = episodes(OWED["short call"], DAY, most_impact=2e-2)
    live = live_of(policy, state)
    told, seen = numbers(state)[1].tolist(), beside(policy, state)[1].tolist()
    path = [live(*each, sees=other) for each, other in zip(told, seen, strict=True)]
    live.deal()
    again = [live(*told[0], sees=seen[0])]
    for each, other in zip(told[1:], seen[1:], strict=True):
        with pytest.raises(PolicyError, match="no band at forward nan"):
            live(math.nan, *each[1:], sees=other)
        again.append(live(*each, sees=other))
    assert again == path
    live.deal()
    first = live(*told[2], sees=seen[2])
    remembers = reads_path(policy) or "band" in policy.name  # whose pace opens the hedge
    assert (first != path[2]) == remembers


def test_what_cannot_be_asked(policy):
    with pytest.raises(PolicyError, match=f"policy {policy.name}: no network to decide with"):
        LiveNetwork(replace(policy, network=None), OWED["short call"], COST, AVERSION, DAY)
    if "band" in policy.name:
        with pytest.raises(PolicyError, match="the cost too high for an option bought"):
            LiveNetwork(policy, Liability.of("call", "long"), 0.5, AVERSION, DAY)
