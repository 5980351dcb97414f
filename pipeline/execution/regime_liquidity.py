"""Spread and depth of a simulated market, tied to its regime, as the costs and books that orders meet."""

from dataclasses import dataclass

import numpy as np

from pipeline.domain.errors import SettingsError
from pipeline.domain.execution_settings import ExecutionSettings
from pipeline.domain.instruments import FloatArray
from pipeline.execution.arrivals import Arrivals
from pipeline.execution.impact import square_root_impact
from pipeline.features.book_walk import SOUND
from pipeline.simulate.noise import LANES, draws
from pipeline.simulate.paths import Paths

STREAM = 1
"""The shocks of liquidity; those of prices are stream 0."""


@dataclass(frozen=True)
class Liquidity:
    """What the market shows at every step: `half_spread`, a fraction of the price, and `depth`, units a side.

    Both are [N, T+1]; the last column is met by the final unwind.
    """

    half_spread: FloatArray
    depth: FloatArray


@dataclass(frozen=True)
class RegimeLiquidity:
    r"""Half-spread and depth that return to the level of the hidden regime.

    .. math:: \log s_t = \log \bar s_{z_t} + ω x_t, \quad \log d_t = \log \bar d_{z_t} − ω x_t, \quad
        x_{t+1} = φ x_t + \sqrt{1 − φ^2} ε

    with x stationary: where the spread is wide the book is thin. Latency is the `delay` of
    `backtest.ledger.book`; how long impact lasts is in `execution.terms`.

    Attributes
    ----------
    half_spread : [K] median in each regime, fraction of the price.
    depth : [K] median in each regime, units of the hedge shown on a side.
    persistence : φ, 0 … below 1.
    roughness : ω, deviation of the logs around the regime's level; 0 is none.

    Raises
    ------
    SettingsError
        Sizes differ or a value is out of its range.

    Examples
    --------
    >>> from pipeline.simulate.switching import MarkovSwitching
    >>> paths = MarkovSwitching().simulate(paths=3, steps=5, dt=1 / 252, seed=7)
    >>> model = RegimeLiquidity(half_spread=(2e-4, 40e-4), depth=(50.0, 5.0), roughness=0.0)
    >>> found = model.simulate(paths, seed=7)
    >>> bool((found.half_spread == np.array([2e-4, 40e-4])[paths.regime]).all())
    True
    """

    half_spread: tuple[float, ...]
    depth: tuple[float, ...]
    persistence: float = 0.9
    roughness: float = 0.3

    def __post_init__(self) -> None:
        if len(self.half_spread) != len(self.depth) or not self.depth:
            raise SettingsError(f"{self}: give half-spread and depth for the same regimes")
        if not all(0.0 <= each < 1.0 for each in self.half_spread):
            raise SettingsError(f"half-spreads {self.half_spread}: each at least 0 and below 1")
        if not (min(self.depth) > 0.0 and 0.0 <= self.persistence < 1.0 and self.roughness >= 0.0):
            raise SettingsError(f"{self}: give positive depth, persistence in 0 … 1, roughness of 0 or more")

    def simulate(self, paths: Paths, seed: int, first: int = 0) -> Liquidity:
        """Return spread and depth along the paths; `seed` and `first` are those of the paths.

        Raises
        ------
        SettingsError
            The paths have more regimes than the model.
        """
        if paths.regime.max() >= len(self.depth):
            raise SettingsError(f"regime {paths.regime.max()} has no liquidity: give one level a regime")
        shocks = self._wander(len(paths.spot), paths.spot.shape[1], seed, first)
        factor = np.exp(self.roughness * shocks)
        spread = np.array(self.half_spread)[paths.regime] * factor
        return Liquidity(np.minimum(spread, 0.5), np.array(self.depth)[paths.regime] / factor)

    def _wander(self, paths: int, steps: int, seed: int, first: int) -> FloatArray:
        """Return x, [N, T+1]: stationary, a function of seed, path and step."""
        parts = [
            draws(seed, first=first + start, steps=steps, stream=STREAM)[:, 0, 0]
            for start in range(0, paths, LANES)
        ]
        shocks = np.concatenate(parts, axis=1)[:, :paths].T.copy()
        own = np.sqrt(1.0 - self.persistence**2)
        for t in range(1, steps):
            shocks[:, t] = self.persistence * shocks[:, t - 1] + own * shocks[:, t]
        return shocks


def costs_of(
    liquidity: Liquidity, paths: Paths, execution: ExecutionSettings, *, fee: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Return `cost` and `impact` [N, T+1, 1] of a `backtest.ledger.Market`.

    The cost is fee + half-spread. Impact is the square-root law at the step's volatility, with the depth over
    its median as the volume: a thin book moves further.

    Examples
    --------
    >>> from pipeline.simulate.black_scholes import BlackScholes
    >>> paths = BlackScholes().simulate(paths=1, steps=1, dt=1 / 252, seed=7)
    >>> thin = Liquidity(np.full((1, 2), 1e-4), np.array([[4.0, 1.0]]))
    >>> cost, impact = costs_of(thin, paths, ExecutionSettings(impact=1.0), fee=1e-4)
    >>> float(cost[0, 0, 0]), float((impact[0, 1] / impact[0, 0]).round(6)[0])
    (0.0002, 2.0)
    """
    vol = np.sqrt(paths.variance * paths.interval)
    impact = square_root_impact(execution, vol, liquidity.depth / np.median(liquidity.depth))
    return (fee + liquidity.half_spread)[..., None], impact[..., None]


def books_of(liquidity: Liquidity, paths: Paths) -> Arrivals:
    """Return books of one level, so that an order larger than the depth is filled in part.

    Examples
    --------
    >>> from pipeline.simulate.black_scholes import BlackScholes
    >>> paths = BlackScholes().simulate(paths=2, steps=1, dt=1 / 252, seed=7)
    >>> books = books_of(Liquidity(np.full((2, 2), 1e-4), np.full((2, 2), 0.5)), paths)
    >>> books.ask_price[0].round(2), books.ask_size[0]
    (array([100.01]), array([0.5]))
    """
    mid = paths.spot.ravel()
    away, size = liquidity.half_spread.ravel(), liquidity.depth.reshape(-1, 1)
    return Arrivals(
        rows=np.arange(mid.size).reshape(paths.spot.shape),
        scale=np.ones(len(paths.spot)),
        state=np.full(mid.size, SOUND, dtype=np.int8),
        mid=mid,
        bid_price=(mid * (1.0 - away))[:, None],
        bid_size=size,
        ask_price=(mid * (1.0 + away))[:, None],
        ask_size=size.copy(),
    )
