"""One option with plain numbers has the band that arrays give."""

import numpy as np
import pytest

from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import Liability
from pipeline.domain.option_state import OptionState
from pipeline.policies.catalogue import POLICIES
from pipeline.policies.one_option import OfOneOption, answer_of, by_arrays
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


def drawn(name, rng):
    kind = POLICIES[name]
    if name == "delta_implied":
        return kind()
    return kind(**FITTED, **{each: float(rng.choice(grid)) for each, grid in SPACE.items()})


def test_the_flagship_and_delta_have_a_form_of_their_own():
    assert {"delta_implied", "regime_switched", "regime_switched_no_bands"} <= set(OWN)


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


@pytest.mark.parametrize("name", ["delta_implied", "regime_switched", "whalley_wilmott"])
def test_what_is_not_known_has_no_band(name):
    rng, liability = np.random.default_rng(3), Liability.of("call", "short")
    with pytest.raises(PolicyError, match=name):
        answer_of(POLICIES[name](), liability)(state(rng, liability, implied_vol=np.nan))
