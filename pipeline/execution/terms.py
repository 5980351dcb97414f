"""What is the same for every fill: the fee, the fixed fee, how long impact lasts, and the lot."""

from typing import NamedTuple

from pipeline.domain.desk import BPS, Desk
from pipeline.execution.impact import memory


class Terms(NamedTuple):
    """The terms on which every trade is filled, whatever the session; see `backtest.kernel`.

    Attributes
    ----------
    fee : part of the proportional cost that is a fee, a fraction of the traded value.
    fixed_fee : money a trade, whatever its size; in a book money of its prices, scaled with them.
    memory : share of a trade's pressure on the price that is left when a step has passed; 0 is none.
    lot : smallest amount that can be traded, units of the hedge; 0 is any.
    crossing : in a book, times what the shown levels cost beside the mid.
    """

    fee: float = 0.0
    fixed_fee: float = 0.0
    memory: float = 0.0
    lot: float = 0.0
    crossing: float = 1.0


PLAIN = Terms()
"""Proportional cost only, all of it spread, and any size."""


def terms_of(desk: Desk, spot: float) -> Terms:
    """Return the desk's terms where the starting spot is scaled to `spot`.

    Examples
    --------
    >>> desk = Desk(name="x", policies={"run": ()}, costs={"fee_bps": 1.0, "fixed_fee_bps": 2.0})
    >>> terms_of(desk, 100.0)
    Terms(fee=0.0001, fixed_fee=0.02, memory=0.0, lot=0.0, crossing=1.0)
    """
    costs, execution = desk.costs, desk.execution
    fixed_fee = costs.fixed_fee_bps * BPS * spot
    return Terms(costs.fee_bps * BPS, fixed_fee, memory(execution), execution.lot)
