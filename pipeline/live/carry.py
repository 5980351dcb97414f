"""What holding a perpetual has cost: the funding that its settlements book, money."""


class Carry:
    """Funding paid and received, as `MarketState`'s ledger books it: − position · mid · rate.

    A settlement before the first mid of a day is booked at that mid.

    Attributes
    ----------
    money : so far; positive was received.

    Examples
    --------
    >>> carry = Carry()
    >>> carry.settle(0.001, 2.0, float("nan"))
    >>> carry.settle(0.0, 2.0, 100.0)
    >>> carry.money
    -0.2
    """

    def __init__(self) -> None:
        self.money = self._owed = 0.0

    def settle(self, rate: float, position: float, mid: float) -> None:
        """Book what was settled since the decision before, for what was held until now, at the mid of now."""
        self._owed += rate * position
        if self._owed and mid > 0.0:
            self.money -= self._owed * mid
            self._owed = 0.0
