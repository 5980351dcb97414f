"""What is known, in steps: information states, and with what weight a return leads from one to another."""

from dataclasses import dataclass

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.optimum import simplex
from pipeline.optimum.dynamics import Dynamics
from pipeline.optimum.programme import Programme


@dataclass(frozen=True)
class Lattice:
    """M information states and the log-spot grid x_i = i h, on which a step is a sum over neighbours.

    E[f(x', state')] = Σ_l Σ_n `weight`[m, n, l] f(x + (l − reach) h, n): the trapezoidal rule on the density
    of a return, which for a normal density and h ≤ σ√Δt is exact to ten digits.

    Attributes
    ----------
    spacing : h.
    half : the grid is −half … half.
    reach : a step moves at most so many points.
    weight : [M, M, 2 reach + 1].
    cost : [M] cost of trading in each state.
    last_weight : [M, C] probability of each way that the last step may go.
    last_mean, last_deviation, last_cost : [C] its return, and what the unwind costs after it.
    """

    spacing: float
    half: int
    reach: int
    weight: FloatArray
    cost: FloatArray
    last_weight: FloatArray
    last_mean: FloatArray
    last_deviation: FloatArray
    last_cost: FloatArray

    def points(self, half: int) -> FloatArray:
        """Return x_i of −half … half."""
        return np.asarray(self.spacing * np.arange(-half, half + 1), dtype=np.float64)


def vertices(dynamics: Dynamics) -> FloatArray:
    """Return the probabilities of the regime of the coming step that span all that can be believed, [K, K].

    A belief is what it weighs these with. Without jumps they are the rows of A, and the weights are the
    filtered probabilities of the regime of the step that was seen last; a jump shows the regime it leads to,
    and the weights are the probabilities of the coming regime themselves.
    """
    return np.eye(dynamics.regimes) if dynamics.jumps else np.array(dynamics.moves)


def lattice_of(programme: Programme) -> Lattice:
    """Return the information states of a programme."""
    dynamics, grid = programme.dynamics, programme.grid
    spacing = float(dynamics.deviation.min() / grid.points)
    widest = float(dynamics.deviation.max())
    low, high = programme.liability.position_range
    # Exponential utility leans a normal step by λ times the exposure: half the range of positions.
    lean = 0.5 * programme.aversion * widest * float(high - low)
    jump = float(np.abs(np.array(dynamics.jumps)).max()) if dynamics.jumps else 0.0
    reach = int(np.ceil(((6.5 + lean) * widest + jump) / spacing))
    half = int(np.ceil((grid.reach * widest * np.sqrt(programme.steps) + 2.0 * jump) / spacing))
    offset = np.asarray(spacing * np.arange(-reach, reach + 1), dtype=np.float64)
    log_density = _log_densities(dynamics, offset)
    prior = _coming(programme)
    if programme.seen == "regime":
        weight = np.exp(log_density) * np.array(dynamics.moves)[:, :, None]
    else:
        weight = _belief_weights(programme, prior, log_density)
    mean, deviation = dynamics.components()
    ways = prior[:, :, None] * np.array(dynamics.moves)[None]
    if not dynamics.jumps:  # where the chain moves on to does not change the return
        mean, deviation, ways = mean[:, :1], deviation[:, :1], ways.sum(axis=2, keepdims=True)
    cost = np.array(dynamics.cost)
    return Lattice(
        spacing,
        half,
        reach,
        np.ascontiguousarray(weight),
        prior @ cost,
        np.ascontiguousarray(ways.reshape(len(prior), -1)),
        mean.ravel(),
        deviation.ravel(),
        np.repeat(cost, mean.shape[1]) if programme.unwind else np.zeros(mean.size),
    )


def _coming(programme: Programme) -> FloatArray:
    """Return the probabilities of the coming step's regime in each information state, [M, K]."""
    regimes = programme.dynamics.regimes
    if programme.seen == "regime":
        return np.eye(regimes)
    return simplex.nodes(regimes, programme.degree) @ vertices(programme.dynamics)


def _log_densities(dynamics: Dynamics, offset: FloatArray) -> FloatArray:
    """Return the log weights of the trapezoidal rule by regime, next regime and offset, [K, K, L]."""
    mean, deviation = (each[:, :, None] for each in dynamics.components())
    square = ((offset - mean) / deviation) ** 2
    found: FloatArray = -0.5 * square + np.log((offset[1] - offset[0]) / (deviation * np.sqrt(2.0 * np.pi)))
    return found


def _belief_weights(programme: Programme, prior: FloatArray, log_density: FloatArray) -> FloatArray:
    """Return the weights [M, M, L] where returns move a belief by the filter.

    Exponential costs are linear in the belief for a given policy: their best is close to linear, and a
    polynomial of a low degree holds it.
    """
    moves = np.array(programme.dynamics.moves)
    with np.errstate(divide="ignore"):
        joint = np.log(prior)[:, :, None, None] + np.log(moves)[None, :, :, None] + log_density[None]
    peak = joint.max(axis=(1, 2), keepdims=True)
    share = np.exp(joint - peak)
    behind = share.sum(axis=1 if programme.dynamics.jumps else 2)
    total = behind.sum(axis=1)
    belief = np.moveaxis(behind / total[:, None, :], 1, -1)
    regimes, degree = programme.dynamics.regimes, programme.degree
    onto = simplex.bernstein(belief, degree) @ simplex.coefficients(regimes, degree)
    mass = np.exp(peak[:, 0, 0]) * total
    return np.moveaxis(mass[:, :, None] * onto, 1, 2)
