"""The dynamic programme: published optima, limits, axioms, and the same recursion in plain NumPy."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from pipeline.domain.errors import SettingsError
from pipeline.optimum.dynamics import Dynamics
from pipeline.optimum.lattice import lattice_of
from pipeline.optimum.programme import Grid, Programme
from pipeline.optimum.solution import solve
from pipeline.pricing import black

MARKET_A = {0.0: 2.35331, 1e-4: 2.3796, 1e-3: 2.5755, 1e-2: 4.0304}
VOLATILITY, MOVES, STATIONARY = np.array([0.12, 0.35]), np.array([[0.98, 0.02], [0.05, 0.95]]), [5 / 7, 2 / 7]
SMALL = Grid(points=1.25, positions=31, reach=4.0)


def market_a(cost, volatility=0.2, interval=1 / 365):
    return Dynamics.black_scholes(volatility, cost=cost, interval=interval)


def market_b(cost, jumps=None):
    return Dynamics.switching(VOLATILITY, MOVES, cost=cost, interval=1 / 252, jumps=jumps)


def risk(programme, prob=(1.0,)):
    return 100.0 * solve(programme).risk(1.0, np.array(prob))


@pytest.mark.parametrize("cost", MARKET_A)
def test_market_a_is_reproduced(cost):
    assert risk(Programme(market_a(cost), 100.0, 30)) == pytest.approx(MARKET_A[cost], rel=1e-3)


@pytest.mark.parametrize(("cost", "known", "believed"), [(1e-3, 5.457, 5.466), (5e-3, 6.413, 6.419)])
def test_market_b_is_reproduced(cost, known, believed):
    grid = Grid(points=1.25)
    assert risk(Programme(market_b(cost), 100.0, 60, grid=grid), STATIONARY) == pytest.approx(known, rel=1e-3)
    programme = Programme(market_b(cost), 100.0, 60, "prices", grid=grid)
    assert risk(programme, STATIONARY) == pytest.approx(believed, rel=1e-3)


def by_hand(programme):
    """J and the grid-optimal band by the definition: all positions, every quadrature in logarithms."""
    lattice, a = lattice_of(programme), programme.aversion
    x = lattice.spacing * np.arange(-lattice.half, lattice.half + 1)
    outside = lattice.spacing * np.arange(-lattice.half - lattice.reach, lattice.half + lattice.reach + 1)
    spot, low, high = np.exp(x), *programme.liability.position_range
    position = np.linspace(low, high, round((high - low) * (programme.grid.positions - 1)) + 1)
    toll = lattice.cost[:, None, None] * spot[None, None, :]
    node, share = np.polynomial.legendre.leggauss(60)
    ahead = np.empty((len(lattice.cost), len(position), len(x)))
    for i, s in enumerate(spot):
        ways = []
        for mean, deviation, unwind in zip(
            lattice.last_mean, lattice.last_deviation, lattice.last_cost, strict=True
        ):
            bend = np.clip((-x[i] - mean) / deviation, -12.0, 12.0)
            parts = np.array([[-12.0, bend], [bend, 12.0]])
            half = 0.5 * np.diff(parts, axis=1)
            normal = (parts.mean(axis=1, keepdims=True) + half * node).ravel()
            after = s * np.exp(mean + deviation * normal)
            loss = -programme.liability.payoff(after, np.ones(1))[None, :]
            loss = loss + unwind * np.abs(position[:, None]) * after - position[:, None] * (after - s)
            weight = (half * share).ravel() * norm.pdf(normal)
            ways.append(logsumexp(a * loss, axis=1, b=weight))
        ahead[:, :, i] = logsumexp(np.array(ways)[None], axis=1, b=lattice.last_weight[:, :, None]) / a
    bands, value = [], ahead
    for left in range(1, programme.steps + 1):
        if left > 1:
            padded = np.array(
                [[extended(row, spot, np.exp(outside), lattice.reach) for row in m] for m in value]
            )
            power = a * (padded - position[None, :, None] * np.exp(outside))
            for i in range(len(x)):
                near = power[:, :, i : i + 2 * lattice.reach + 1]
                peak = near.max(axis=(0, 2), keepdims=True)
                total = np.einsum("mnl,njl->mj", lattice.weight, np.exp(near - peak))
                ahead[:, :, i] = (np.log(total) + peak[0, :, 0]) / a + position * spot[i]
        trade = np.abs(position[:, None] - position[None, :])[None, :, :, None]
        value = (ahead[:, None] + toll[:, :, None] * trade).min(axis=2)
        bands.append([(ahead + sign * toll * position[None, :, None]).argmin(axis=1) for sign in (1.0, -1.0)])
    return value, position, np.array(bands)


def extended(row, spot, outside, pad):
    low, high = (row[1] - row[0]) / (spot[1] - spot[0]), (row[-1] - row[-2]) / (spot[-1] - spot[-2])
    below = row[0] + low * (outside[:pad] - spot[0])
    return np.concatenate([below, row, row[-1] + high * (outside[-pad:] - spot[-1])])


def test_a_market_that_drifts_is_reproduced():
    """Imaki et al. (2021): 28 days, σ²/2 of 30 taken out; the optimum by an independent program."""
    market = Dynamics.black_scholes(0.2, cost=1e-3, interval=1 / 365, drift=-(0.2**2) / 28)
    found = solve(Programme(market, 1.0, 28, unwind=False)).risk(1.0, np.ones(1))
    assert found == pytest.approx(0.0225388, abs=1e-7)


@pytest.mark.parametrize(
    "programme",
    [
        Programme(market_a(1e-2), 100.0, 4, grid=SMALL),
        Programme(market_a(1e-3), 100.0, 3, kind="put", side="long", grid=SMALL),
        Programme(market_a(1e-3), 40.0, 3, kind="straddle", unwind=False, grid=SMALL),
        Programme(market_b(5e-3), 100.0, 3, grid=SMALL),
        Programme(market_b(5e-3), 100.0, 3, "prices", grid=Grid(1.25, 31, 4.0, 4)),
        Programme(
            market_b(np.array([2e-4, 4e-3]), np.array([[0.0, -0.04], [0.02, 0.0]])), 100.0, 3, grid=SMALL
        ),
    ],
)
def test_it_is_the_recursion_written_out(programme):
    found = solve(programme)
    value, position, bands = by_hand(programme)
    gap = position[1] - position[0]
    np.testing.assert_allclose(found.value, value, atol=1e-9)
    np.testing.assert_allclose(found.lower[1:], position[bands[1:, 0]], atol=0.51 * gap)
    np.testing.assert_allclose(found.upper[1:], position[bands[1:, 1]], atol=0.51 * gap)


def test_a_great_aversion_in_a_wild_market_is_solved_too():
    """Exponents beyond what numbers hold: a risk aversion of ten times a desk's own, a volatility of 46 %."""
    market, risks = market_a(1e-4, 0.46, 1 / 252), []
    for aversion in (300.0, 1139.0):
        coarse, fine = (
            solve(Programme(market, aversion, 6, grid=grid)).risk(1.0, np.ones(1))
            for grid in (Grid(1.25, 61), Grid(2.0, 121))
        )
        assert coarse == pytest.approx(fine, rel=0.04)
        risks.append(fine)
    assert risks[0] < risks[1] < 0.5


def test_without_cost_the_band_is_a_point_near_delta():
    found = solve(Programme(market_a(0.0), 1e-3, 30))
    np.testing.assert_array_equal(found.lower, found.upper)
    x = np.abs(found.log_spot) < 0.1
    for left in (5, 30):
        delta = black.delta("call", np.exp(found.log_spot[x]), 1.0, left / 365, 0.2)
        np.testing.assert_allclose(found.lower[left - 1, 0, x], delta, atol=0.006)


def test_without_aversion_nothing_is_traded_and_the_risk_is_the_expected_payoff():
    found = solve(Programme(market_a(1e-3), 1e-4, 30))
    near = np.abs(found.log_spot) < 0.2
    assert (found.lower[:, 0, near] == 0.0).all()
    price = float(black.price("call", 1.0, 1.0, 30 / 365, 0.2, 0.0))
    assert found.risk(1.0, np.ones(1)) == pytest.approx(price, rel=1e-4)


@pytest.mark.parametrize("seen", ["regime", "prices"])
@pytest.mark.parametrize("regimes", [2, 3])
def test_equal_regimes_are_one(seen, regimes):
    moves = np.full((regimes, regimes), 0.1) + (1.0 - 0.1 * regimes) * np.eye(regimes)
    same = Dynamics.switching(np.full(regimes, 0.2), moves, cost=1e-3, interval=1 / 365)
    grid = Grid(positions=61)
    one, many = (
        solve(Programme(market_a(1e-3), 100.0, 20, grid=grid)),
        solve(Programme(same, 100.0, 20, seen, grid=grid)),
    )
    for state in range(many.value.shape[0]):
        np.testing.assert_allclose(many.value[state], one.value[0], atol=1e-10)
        np.testing.assert_allclose(many.lower[:, state], one.lower[:, 0], atol=1e-7)
    assert many.risk(1.0, np.full(regimes, 1.0 / regimes)) == pytest.approx(
        one.risk(1.0, np.ones(1)), abs=1e-10
    )


def test_who_knows_that_the_regime_stays_is_in_a_market_of_one_volatility():
    stays = Dynamics.switching(VOLATILITY, np.eye(2), cost=1e-3, interval=1 / 252)
    believed, known = (risk_of(stays, seen) for seen in ("prices", "regime"))
    for state, volatility in enumerate(VOLATILITY):
        alone = Programme(market_a(1e-3, volatility, 1 / 252), 100.0, 20)
        certain = np.eye(2)[state]
        assert 100.0 * believed.risk(1.0, certain) == pytest.approx(risk(alone), abs=2e-4)
        assert 100.0 * known.risk(1.0, certain) == pytest.approx(risk(alone), abs=2e-4)


def risk_of(dynamics, seen):
    return solve(Programme(dynamics, 100.0, 20, seen, grid=Grid(points=1.25)))


def test_what_is_known_is_worth_something_and_what_is_seen_less():
    known = Programme(market_b(5e-3), 100.0, 20, grid=Grid(1.25))
    seen = Programme(market_b(5e-3), 100.0, 20, "prices", grid=Grid(1.25))
    assert 0.002 < risk(seen, STATIONARY) - risk(known, STATIONARY) < 0.05


def test_risk_rises_with_cost_and_the_band_widens():
    solutions = [solve(Programme(market_a(cost), 100.0, 15)) for cost in (0.0, 1e-4, 1e-3, 1e-2)]
    for cheap, dear in pairwise(solutions):
        assert dear.risk(1.0, np.ones(1)) > cheap.risk(1.0, np.ones(1))
        inside = np.abs(cheap.log_spot) < 0.05
        width = [(each.upper - each.lower)[5:, 0, inside] for each in (cheap, dear)]
        assert (width[1] >= width[0] - 1e-9).all()


def test_a_put_without_unwind_is_a_call_less_one_unit():
    call, put = (
        solve(Programme(market_a(1e-3), 100.0, 15, kind=kind, unwind=False)) for kind in ("call", "put")
    )
    np.testing.assert_allclose(put.lower, call.lower - 1.0, atol=1e-6)
    np.testing.assert_allclose(put.upper, call.upper - 1.0, atol=1e-6)


def test_no_position_is_worth_more_than_trading_out_of_it():
    found = solve(Programme(market_a(1e-2), 100.0, 20))
    slope = np.diff(found.value[0], axis=0) / np.diff(found.positions)[:, None]
    assert (np.abs(slope) <= 1e-2 * np.exp(found.log_spot) * (1.0 + 1e-6) + 1e-9).all()


def test_the_width_goes_with_the_cube_root_of_a_small_cost():
    """Whalley and Wilmott's law holds where a step moves delta by much less than the width."""
    steps, often, widths = 384, 1 / 365 / 96, []
    for cost in (1e-4, 8e-4):
        market = market_a(cost, interval=often)
        found = solve(Programme(market, 100.0, steps, grid=Grid(1.0, 161, 4.0)))
        middle = len(found.log_spot) // 2
        widths.append(float(found.upper[-1, 0, middle] - found.lower[-1, 0, middle]))
    assert np.log(widths[1] / widths[0]) / np.log(8.0) == pytest.approx(1 / 3, abs=0.02)
    deviation = 0.2 * np.sqrt(steps * often)
    gamma = norm.pdf(0.5 * deviation) / deviation
    assert widths[1] == pytest.approx(2.0 * np.cbrt(1.5 * 8e-4 * gamma**2 / 100.0), rel=0.2)


def test_the_error_falls_with_the_square_of_the_grid():
    fine = risk(Programme(market_a(1e-2), 100.0, 10, grid=Grid(4.0, 801)))
    errors = [
        abs(risk(Programme(market_a(1e-2), 100.0, 10, grid=Grid(4.0, count))) - fine)
        for count in (26, 51, 101)
    ]
    assert errors[0] < 5e-3
    assert all(after < before / 3.0 for before, after in pairwise(errors))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"aversion": 0.0}, "must be positive"),
        ({"aversion": -1.0}, "must be positive"),
        ({"aversion": 1e6}, "at most"),
        ({"steps": 0}, "at least one"),
        ({"kind": "barrier"}, "no programme for a short barrier"),
    ],
)
def test_a_programme_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(SettingsError, match=message):
        Programme(**{"dynamics": market_a(1e-3), "aversion": 100.0, "steps": 5} | change)


def test_a_market_that_makes_no_sense_is_refused():
    with pytest.raises(SettingsError, match="row 0 of the transition matrix is no distribution"):
        Dynamics.switching(VOLATILITY, np.array([[0.9, 0.2], [0.1, 0.9]]), cost=0.0, interval=1 / 252)
    with pytest.raises(SettingsError, match="each must be positive"):
        market_a(0.0, volatility=0.0)
    with pytest.raises(SettingsError, match="at least 0 and below 1"):
        market_a(-0.1)
    with pytest.raises(SettingsError, match="does not jump"):
        market_b(0.0, np.eye(2))
    with pytest.raises(SettingsError, match="at least 5 points"):
        Grid(positions=2)


def test_what_lies_off_the_grid_is_refused():
    found = solve(Programme(market_b(1e-3), 100.0, 3, grid=SMALL))
    with pytest.raises(SettingsError, match=r"a position of 1\.2 is not on the grid"):
        found.risk(1.0, np.array(STATIONARY), 1.2)
    with pytest.raises(SettingsError, match=r"raise grid\.reach"):
        found.risk(3.0, np.array(STATIONARY))
    with pytest.raises(SettingsError, match="a sum of one"):
        found.risk(1.0, np.array([0.5, 0.6]))
