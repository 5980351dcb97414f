"""What is the same for every fill: the fee, the fixed fee, how long impact lasts, and the lot."""

from typing import NamedTuple


class Terms(NamedTuple):
    """The terms on which every trade is filled, whatever the session; see `backtest.kernel`.

    Attributes
    ----------
    fee : part of the proportional cost that is a fee, a fraction of the traded value.
    fixed_fee : money a trade, whatever its size.
    memory : share of a trade's pressure on the price that is left when a step has passed; 0 is none.
    lot : smallest amount that can be traded, units of the hedge; 0 is any.
    """

    fee: float = 0.0
    fixed_fee: float = 0.0
    memory: float = 0.0
    lot: float = 0.0


PLAIN = Terms()
"""Proportional cost only, all of it spread, and any size."""
