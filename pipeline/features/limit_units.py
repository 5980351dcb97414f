"""What the unit of a desk's limit says: how many plain units, or how much money, one of it is."""

from typing import Final

from pipeline.domain.errors import DataError

UNITS: Final = frozenset({"unit", "units", "contract", "contracts", "share", "shares"})
MONEY: Final = frozenset({
    "AED", "ARS", "AUD", "BRL", "CAD", "CHF", "CLP", "CNH", "CNY", "COP", "CZK", "DKK",
    "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "JPY", "KRW", "MXN", "MYR", "NOK",
    "NZD", "PEN", "PHP", "PLN", "RON", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "USD",
    "USDC", "USDT", "VND", "ZAR",
})  # fmt: skip
"""Currencies, in capitals or in small letters: GBp, a penny, is none of them."""
TIMES: Final = {
    "k": 1e3, "thousand": 1e3, "mn": 1e6, "million": 1e6, "millions": 1e6, "bn": 1e9, "billion": 1e9,
}  # fmt: skip
DOLLARS: Final = frozenset({"USD", "USDC", "USDT"})
"""Currencies that are compared as one."""
_SHORTEST: Final = 6
"""Letters of a pair of two currencies; a ticker of a share has fewer."""


def quoted_in(symbol: str) -> str:
    """Return the currency of the prices of a pair that its symbol ends with; "" where it tells none.

    Examples
    --------
    >>> quoted_in("BTCUSDT"), quoted_in("eth-eur"), quoted_in("SPX")
    ('USDT', 'EUR', '')
    """
    letters = "".join(letter for letter in symbol.upper() if letter.isalnum())
    found = [name for name in MONEY if letters.endswith(name) and len(letters) >= _SHORTEST]
    return max(found, key=len, default="")


def same_money(one: str, other: str) -> bool:
    """Tell whether two currencies are one, as dollars and the coins that stand for them are.

    Examples
    --------
    >>> same_money("USD", "usdt"), same_money("USD", "JPY")
    (True, False)
    """
    pair = {one.upper(), other.upper()}
    return len(pair) == 1 or pair <= DOLLARS


def plain_unit(unit: str, name: str, in_money: bool) -> tuple[float, str]:
    """Return how many plain units one of a limit's unit is, and the plain unit: a currency or `units`.

    Parameters
    ----------
    unit : one of `UNITS` or of `MONEY`, with one of `TIMES` before or after it where it counts them.
    name : of the limit, for messages.
    in_money : whether the limit bounds money (notional, loss) and not the position.

    Raises
    ------
    DataError
        The unit is none of these, or of the other kind.

    Examples
    --------
    >>> plain_unit("million USD", "notional", in_money=True)
    (1000000.0, 'USD')
    >>> plain_unit("contracts", "position", in_money=False)
    (1.0, 'units')
    """
    words = unit.split()
    factors = [TIMES[word.lower()] for word in words if word.lower() in TIMES]
    bases = [found for word in words if word.lower() not in TIMES and (found := _base(word))]
    if len(bases) != 1 or len(factors) > 1 or len(bases) + len(factors) != len(words):
        raise DataError(
            f"limits: {name} is in {unit!r}: write units, contracts or shares, or a currency such as USD, "
            "with thousand, million or bn before it where it counts them"
        )
    if in_money != (bases[0] in MONEY):
        told = "money: write its currency" if in_money else "units held: write units, contracts or shares"
        raise DataError(
            f"limits: {name} is in {unit!r}, but bounds {told}, or let limit_names say what it bounds"
        )
    return (factors or [1.0])[0], bases[0]


def _base(word: str) -> str:
    if word.lower() in UNITS:
        return "units"
    return word.upper() if word.upper() in MONEY and word in (word.upper(), word.lower()) else ""
