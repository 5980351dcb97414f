"""Market impact: the square-root law, and how long a trade weighs on the price."""

import numpy as np

from pipeline.domain.execution_settings import ExecutionSettings
from pipeline.domain.instruments import FloatArray


def square_root_impact(
    execution: ExecutionSettings, vol: FloatArray, relative_volume: FloatArray | float
) -> FloatArray:
    """Return how far trading one unit at once moves the price, as a fraction of it: Y σ √(share / V).

    Q units move it √Q times as far (Almgren, Thum, Hauptmann, Li 2005; Tóth et al. 2011: I = Y σ √(Q/V)).
    One unit is what one option is on, `notional_share` of a median session's volume.

    Parameters
    ----------
    execution : impact Y and notional share.
    vol : volatility of one session's return, decimal.
    relative_volume : volume over that of a median session; where it is not known or not positive, 1.

    Notes
    -----
    The price moves along the way, so the units bought pay ⅔ of it on average: a trade of Q costs
    ⅔ · I(1) · Q^1.5 · price. What of the pressure is left when the next trade comes is paid again by units
    that push the same way (Obizhaeva, Wang 2013; Alfonsi, Fruth, Schied 2010 for shapes of the book that
    are not flat, with a volume that recovers exponentially). Units that trade back into the desk's own
    pressure pay nothing and are paid nothing: prices in the data do not know the desk's trades, and a
    backtest must not earn from moving them.

    Examples
    --------
    >>> one = ExecutionSettings(impact=1.0, notional_share=0.01)
    >>> square_root_impact(one, np.array([0.01, 0.01]), np.array([1.0, 4.0]))
    array([0.001 , 0.0005])
    """
    known = np.asarray(relative_volume, dtype=np.float64)
    known = np.where(np.isfinite(known) & (known > 0.0), known, 1.0)
    return np.asarray(execution.impact * vol * np.sqrt(execution.notional_share / known))


def memory(execution: ExecutionSettings) -> float:
    """Return the share of a trade's pressure that is left a session later, ½^(1/half-life).

    Examples
    --------
    >>> memory(ExecutionSettings(impact_half_life=2.0)) ** 2, memory(ExecutionSettings())
    (0.5000000000000001, 0.0)
    """
    return 0.5 ** (1.0 / execution.impact_half_life) if execution.impact_half_life else 0.0
