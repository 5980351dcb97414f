"""How names of instruments are compared: venues and vendors write the same one in several ways."""


def plain(symbol: str) -> str:
    """Return a symbol as it is compared, without case and punctuation; XBT is another name of BTC.

    What follows a colon settles a derivative, and tells it from the spot.

    Examples
    --------
    >>> plain("btc-usdt"), plain("BTC/USDT"), plain("XBTUSD"), plain("BTC/USDT:USDT")
    ('BTCUSDT', 'BTCUSDT', 'BTCUSD', 'BTCUSDTUSDT')
    """
    letters = "".join(letter for letter in symbol.upper() if letter.isalnum())
    return f"BTC{letters[3:]}" if letters.startswith("XBT") else letters
