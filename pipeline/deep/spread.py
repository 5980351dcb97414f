"""Markets like one market, so that what is learned does not hang on its parameters."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline.domain.errors import SettingsError
from pipeline.simulate.process import Process


@dataclass(frozen=True)
class Spread:
    """Volatilities that are drawn anew around a market's own: domain randomisation.

    Every volatility of the market (of each regime, where it has several) is multiplied by a factor of its
    own, log-uniform between 1/s and s.

    Attributes
    ----------
    volatility : s, the greatest factor; 1 is the market itself.

    Raises
    ------
    SettingsError
        s is below 1 or infinite.

    References
    ----------
    Tobin, Fong, Ray, Schneider, Zaremba and Abbeel (2017), Domain randomization for transferring deep neural
    networks from simulation to the real world.

    Examples
    --------
    >>> from pipeline.simulate.black_scholes import BlackScholes
    >>> drawn = Spread(2.0).around(BlackScholes(volatility=0.2), 4, np.random.default_rng(1))
    >>> [round(each.volatility, 3) for each in drawn]
    [0.105, 0.196, 0.223, 0.328]
    """

    volatility: float = 1.0

    def __post_init__(self) -> None:
        if not 1.0 <= self.volatility < np.inf:
            raise SettingsError(f"{self}: give a factor of 1 or more")

    def around(self, market: Process, count: int, rng: np.random.Generator) -> list[Process]:
        """Return so many markets, their factors spread evenly over the logarithm of the range.

        Raises
        ------
        SettingsError
            The market has no parameter `volatility`.
        """
        own: Any = getattr(market, "volatility", None)
        if own is None:
            raise SettingsError(f"{self}: the market {market.name} has no volatility to spread, leave it out")
        base = np.atleast_1d(np.array(own, dtype=float))
        order = np.stack([rng.permutation(count) for _ in base], axis=1)
        share = (order + rng.random(order.shape)) / count
        drawn = base * np.exp((2.0 * share - 1.0) * np.log(self.volatility))
        rows = drawn.tolist()
        given: list[Any] = (
            [tuple(row) for row in rows] if isinstance(own, tuple) else [row for (row,) in rows]
        )
        return [replace(market, volatility=each) for each in given]  # type: ignore[call-arg]
