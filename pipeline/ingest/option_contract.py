"""What the name of a listed option says, and what its root says of settlement and exercise."""

from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

AM, PM = "am", "pm"
EUROPEAN, AMERICAN = "european", "american"

OF_ROOT: Final = {
    **dict.fromkeys(("SPX", "NDX", "RUT", "DJX", "VIX", "VIXW"), (AM, EUROPEAN)),
    **dict.fromkeys(("SPXW", "SPXPM", "NDXP", "RUTW", "XSP", "XEO"), (PM, EUROPEAN)),
}
"""Roots of cash-settled index options; all others are physically settled, American and trade to the close.

Monthly SPX options settle at the special opening quotation of their expiry day and last trade the day before;
SPXW options, weeklies and month ends, settle at that day's close."""

_NAME: Final = r"^(?P<root>[A-Z.]{1,5}\d?) *(?P<day>\d{6})(?P<right>[CP])(?P<strike>\d{8})$"
_DATES: Final = (
    r"^(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})$",
    r"^(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})$",
    r"^(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})$",
)


class Contracts(NamedTuple):
    """What the names of options say, an array each; rows whose name cannot be read are not `sound`."""

    root: pa.Array
    expiry: NDArray[np.datetime64]
    right: NDArray[np.int64]
    strike: NDArray[np.float64]
    settlement: NDArray[np.object_]
    exercise: NDArray[np.object_]
    sound: NDArray[np.bool_]


def contracts(names: pa.Array) -> Contracts:
    """Return what OCC names such as `SPXW190426C00800000` say: root, expiry, right, strike in thousandths.

    Examples
    --------
    >>> said = contracts(pa.array(["SPXW190426C00800000", "SPY210129P00345500", "SPY"]))
    >>> said.root.to_pylist(), said.strike.tolist(), said.right.tolist()
    (['SPXW', 'SPY', ''], [800.0, 345.5, 0.0], [1, -1, -1])
    >>> said.settlement.tolist(), said.exercise.tolist(), said.sound.tolist()
    (['pm', 'pm', 'pm'], ['european', 'american', 'american'], [True, True, False])
    """
    parts = pc.extract_regex(names, _NAME)
    sound = _flags(parts)
    root, day, right, strike = (
        pc.struct_field(parts, name).fill_null("") for name in ("root", "day", "right", "strike")
    )
    expiry = days(pc.binary_join_element_wise("20", day, ""))
    coded = root.dictionary_encode()
    known = [OF_ROOT.get(each, (PM, AMERICAN)) for each in coded.dictionary.to_pylist()]
    of_row = np.array(known, dtype=object).reshape(-1, 2)[coded.indices.to_numpy(zero_copy_only=False)]
    return Contracts(
        root,
        expiry,
        np.where(pc.equal(right, "C").to_numpy(zero_copy_only=False), 1, -1),
        pc.if_else(sound, strike, "0").cast(pa.int64()).to_numpy() / 1000.0,
        of_row[:, 0],
        of_row[:, 1],
        sound & ~np.isnat(expiry),
    )


def days(texts: pa.Array) -> NDArray[np.datetime64]:
    """Return the dates written as 2019-04-26, 04/26/2019 or 20190426; NaT for anything else.

    Examples
    --------
    >>> days(pa.array(["2019-04-26", "04/27/2019", "20190428", "26.4.2019", None])).astype(str).tolist()
    ['2019-04-26', '2019-04-27', '2019-04-28', 'NaT', 'NaT']
    """
    found = np.full(len(texts), np.datetime64("NaT"), dtype="datetime64[D]")
    for shape in _DATES:
        parts = pc.extract_regex(texts, shape)
        rows = np.flatnonzero(_flags(parts))
        if not len(rows):
            continue
        year, month, day = (
            pc.struct_field(parts, name).drop_null().cast(pa.int64()).to_numpy() for name in ("y", "m", "d")
        )
        first = (12 * (year - 1970) + month - 1).astype("datetime64[M]")
        date = first.astype("datetime64[D]") + (day - 1)
        real = (month >= 1) & (month <= 12) & (day >= 1) & (date.astype("datetime64[M]") == first)
        found[rows] = np.where(real, date, np.datetime64("NaT"))
    return found


def _flags(parts: pa.Array) -> NDArray[np.bool_]:
    flags: NDArray[np.bool_] = pc.is_valid(parts).to_numpy(zero_copy_only=False)
    return flags
