"""One option with plain numbers has the band that arrays give."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from pipeline.domain.desk_file import INTRADAY
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import Liability
from pipeline.domain.option_state import OptionState
from pipeline.policies.catalogue import FLAGSHIP, POLICIES
from pipeline.policies.engineered_state import COLUMNS
from pipeline.policies.learns import LEARNS
from pipeline.policies.network import Layer, Network, matrix, row
from pipeline.policies.network_band import INPUTS, NetworkBand
from pipeline.policies.one_option import CompiledAnswer, OfOneOption, answer_of, by_arrays
from pipeline.policies.regime_switched import SPACE

FITTED = {"call": (0.1, -0.3, 0.2), "put": (-0.2, 0.1, 0.3)}
OWN = [name for name, policy in POLICIES.items() if issubclass(policy, OfOneOption)]


def state(rng, liability, regimes=3, **changed):
    vols = 0.2 * np.exp(0.5 * rng.normal(size=5))
    prob = rng.dirichlet(np.ones(regimes))
    numbers = {
        "time_to_expiry": float(rng.choice([1e-6, 1e-4, 0.05])),
        "forward": 100.0 * float(np.exp(rng.choice([0.0, 0.01, 0.5]) * rng.normal())),
        **dict(zip(("implied_vol", "forecast_vol", "regime_vol"), vols[:3].tolist(), strict=True)),
        "forecast_vol_lower": 0.1,
        "forecast_vol_upper": 0.4,
        "cost": float(1e-4 * rng.random()),
        "gap_prob": float(rng.random()),
        "spike_prob": float(rng.random()),
    }
    return OptionState(
        **{
            "liability": liability,
            "risk_aversion": float(rng.choice([1.0, 16.0])),
            "interval": 1e-6,
            "step": 0,
            "strike": 100.0,
            "regime_prob": prob,
            "regime_moves": np.full((regimes, regimes), 1.0 / regimes),
            "regime_variance": np.ones(regimes),
            "unwind": True,
            "cost_lower": 1e-5,
            "cost_upper": 1e-3,
            "desk_cost": 2e-4,
            "fixed_fee": 0.0,
            "spike_base": 0.1,
            "gap_base": 0.05,
            "value": 0.0,
            "delta": 0.0,
        }
        | numbers
        | changed
    )


def drawn_network(rng, width):
    """One with numbers as training might leave them; with a pace or without."""
    sizes = (width, 8, 5, int(rng.integers(2, 4)))
    layers = tuple(
        Layer(matrix(rng.normal(0, into**-0.5, (out, into))), row(rng.normal(0, 0.3, out)))
        for into, out in pairwise(sizes)
    )
    return Network(layers, row(rng.normal(size=width)), (2.0,) * width, (-9.0,) * width, (9.0,) * width)


def drawn(name, rng):
    kind = POLICIES[name]
    if issubclass(kind, NetworkBand):
        sees = tuple(rng.permutation(list(COLUMNS))[: rng.integers(len(COLUMNS) + 1)].tolist())
        return kind(drawn_network(rng, len(INPUTS) + len(sees)), sees) if rng.random() < 0.9 else kind()
    return kind(**FITTED, **{each: float(rng.choice(grid)) for each, grid in SPACE.items()})


def test_flagship_and_networks_have_a_form_of_their_own_that_is_compiled():
    assert {*LEARNS[INTRADAY], FLAGSHIP, "regime_switched_no_bands"} <= set(OWN)
    for name in OWN:
        assert isinstance(answer_of(POLICIES[name](), Liability.of("call", "short")), CompiledAnswer)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize(("kind", "side"), [("call", "short"), ("put", "long"), ("straddle", "short")])
def test_the_band_is_that_of_arrays(name, kind, side):
    rng, liability = np.random.default_rng(11), Liability.of(kind, side)
    for regimes in (1, 2, 3) * 20:
        policy, one = drawn(name, rng), state(rng, liability, regimes)
        expected = by_arrays(policy, one)
        np.testing.assert_allclose(answer_of(policy, liability)(one), expected, rtol=1e-11, atol=1e-13)


def test_a_fixed_fee_is_answered_as_of_arrays():
    rng, liability = np.random.default_rng(3), Liability.of("call", "short")
    policy, one = drawn("regime_switched", rng), state(rng, liability, fixed_fee=0.01)
    assert answer_of(policy, liability)(one) == by_arrays(policy, one)


@np.errstate(divide="ignore")
def test_a_network_that_sees_what_is_not_known_has_no_band():
    rng, liability = np.random.default_rng(3), Liability.of("call", "short")
    for name in COLUMNS:
        policy = NetworkBand(drawn_network(rng, len(INPUTS) + 1), (name,))
        unknown = {"forecast_vol": np.nan, "regime_vol": 0.0, "cost": 0.0, "cost_upper": np.inf}
        unknown |= {"forecast_vol_upper": np.nan, "spike_prob": np.nan, "gap_base": np.nan}
        unknown |= {"regime_prob": np.array([np.nan, 0.5, np.nan])}
        one = state(rng, liability, **unknown)
        if name == "log_impact":
            np.testing.assert_allclose(answer_of(policy, liability)(one), by_arrays(policy, one), rtol=1e-11)
            continue
        for ask in (answer_of(policy, liability), partial(by_arrays, policy)):
            with pytest.raises(PolicyError, match="policy network_band: "):
                ask(one)


@pytest.mark.parametrize("name", ["delta_implied", "regime_switched", "whalley_wilmott"])
def test_what_is_not_known_has_no_band(name):
    rng, liability = np.random.default_rng(3), Liability.of("call", "short")
    with pytest.raises(PolicyError, match=name):
        answer_of(POLICIES[name](), liability)(state(rng, liability, implied_vol=np.nan))
