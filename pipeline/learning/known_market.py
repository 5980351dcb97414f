"""What a hedger that learns in simulated markets is told of the real one."""

from pipeline.domain.settings import Settings

Row = tuple[float, ...]


class KnownMarket(Settings):
    """Volatilities that options are marked at, and how far prices move beside them.

    Attributes
    ----------
    volatility : least and greatest, annual.
    ratio : volatility of returns over the one marked, in each hidden regime. Of the S&P 500 in 1999–2013
        beside .85 VIX, unless told otherwise.
    moves : transition matrix of the regimes for a session; of the same days.
    """

    volatility: tuple[float, float]
    ratio: Row = (0.83, 1.23)
    moves: tuple[Row, ...] = ((0.99, 0.01), (0.03, 0.97))
