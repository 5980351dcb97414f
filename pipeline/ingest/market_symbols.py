"""The symbols and venues that a market's files state: they must be one, the symbol that of the desk."""

from collections.abc import Mapping
from typing import Final, Literal

from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import MarketFiles
from pipeline.domain.symbols import plain

Part = Literal["market", "funding", "other"]
"""The desk's own market, the funding of its perpetual, and the other one of spot and perpetual."""
NARROW: Final = "let data.{key} name the files of one instrument only"


def check_symbols(data: MarketFiles, stated: Mapping[Part, Mapping[str, str]]) -> None:
    """Refuse files of two instruments in one market, and those of another instrument than the desk's.

    Symbols are compared without their case and punctuation, for venues and vendors write them differently.
    The desk's is `terms.instrument`, the venue's name, or else `instrument`. Funding is paid on a coin: it
    must be the one that the market's symbol begins with.

    Parameters
    ----------
    data : which files.
    stated : symbol of each file by its name, "" where the file does not state it.

    Raises
    ------
    DataError
        Two files state different symbols, or one states another than the desk's.
    """
    file, own = _only(stated.get("market", {}), NARROW.format(key="files"))
    wanted = data.terms.instrument or data.instrument
    if own and plain(own) != plain(wanted):
        raise DataError(
            f"{file}: is of {own}, but the desk's market is {wanted}: name the files of {wanted} in "
            f'data.files, or set data.terms.instrument = "{own}" if that is what the venue calls it'
        )
    file, pair = _only(stated.get("funding", {}), NARROW.format(key="files"))
    if pair and not plain(wanted).startswith(plain(pair.partition("-")[0])):
        raise DataError(
            f"{file}: is the funding of {pair}, but the desk's market is {wanted}: name the history of "
            f"{wanted} in data.files, or set data.terms.instrument to what the venue calls it"
        )
    _only(stated.get("other", {}), NARROW.format(key="other_files"))


def check_venues(stated: Mapping[Part, Mapping[str, str]]) -> None:
    """Refuse files of two venues in one market: one after the other they would be a market that was nowhere.

    Parameters
    ----------
    stated : venue of each file by its name, "" where the file does not state it.

    Raises
    ------
    DataError
        Two files of a part of the market state different venues.
    """
    parts: tuple[tuple[Part, str], ...] = (("market", "files"), ("other", "other_files"))
    for part, key in parts:
        _only(stated.get(part, {}), f"let data.{key} name the files of one venue only")


def _only(stated: Mapping[str, str], advice: str) -> tuple[str, str]:
    """Return the first file that states a symbol, and the symbol; two empty texts where none does."""
    named = [(file, symbol) for file, symbol in sorted(stated.items()) if symbol]
    if not named:
        return "", ""
    first, own = named[0]
    for file, symbol in named:
        if plain(symbol) != plain(own):
            raise DataError(f"{first} is of {own} and {file} of {symbol}: {advice}")
    return first, own
