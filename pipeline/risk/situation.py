"""What the rules of the overlay see of the desk and its market at one decision."""

from typing import NamedTuple


class Situation(NamedTuple):
    """The desk and its market at one decision, in units of the hedge and money of the data.

    Attributes
    ----------
    instrument : that would be traded.
    position, working : units held, and those of orders that are out, signed.
    bid, ask, age : the best prices, NaN where a side is empty, and the seconds since they were told.
    reference : mid of the decision before; NaN at the first.
    resting : prices of the desk's own orders that rest in this market, with their signed units.
    delta : units that would offset the book's Black-Scholes delta at its marks.
    orders : that were sent in the last sixty seconds.
    turnover, loss, drawdown : money, see `domain.overlay_settings`.
    outside : share of the models' inputs outside the range of their training rows.
    interval_ratio : upper over lower end of the volatility forecast's interval.
    """

    instrument: str
    position: float
    working: float
    bid: float
    ask: float
    age: float
    reference: float
    resting: tuple[tuple[float, float], ...]
    delta: float
    orders: int
    turnover: float
    loss: float
    drawdown: float
    outside: float
    interval_ratio: float

    @property
    def exposure(self) -> float:
        """Units held once all that is out is filled."""
        return self.position + self.working

    @property
    def mid(self) -> float:
        """Between the best prices."""
        return 0.5 * (self.bid + self.ask)
