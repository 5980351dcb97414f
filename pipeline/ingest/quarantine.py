"""Rows that failed a check: kept with their reason, counted, and never silently dropped."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.ingest.raw_table import WRONG_FIELDS, RawTable
from pipeline.ingest.session_dates import AMBIGUOUS, NO_ZONE, OUTSIDE, TWO_DIGITS, UNREADABLE

BEFORE_FIRST = "no value yet"
AFTER_LAST = "no value any more"
UNCOUNTED = (BEFORE_FIRST, AFTER_LAST)
"""Reasons of rows that are no fault of the file: it begins before, or ends after, what it holds."""
FILL = "fill the values, or name another column (or none where it may be left out)"
COLUMNS = ("table", "file", "row", "reason", "text")
UNENDED = "last line without an end"
NO_SESSION = "no session of"
"""Begins the reason of a row on a day when the exchange was closed; its calendar follows."""
NEIGHBOURS = 20
"""Rows before the last whose last fields tell how long it should be."""
REMEDIES = {
    UNENDED: "it may be cut off: write the file whole, with a line end after the last row,",
    TWO_DIGITS: "write four digits, or give date_format with %y",
    AMBIGUOUS: "give date_format",
    UNREADABLE: "give date_format",
    NO_ZONE: "give time_zone",
    OUTSIDE: "cut the rows there, or correct the year",
    NO_SESSION: "correct the dates, or name the exchange in data.calendar",
    WRONG_FIELDS: "the file may be half written",
    "no value": FILL,
    "not a number": "write numbers as 1234.5, without a decimal comma or signs between thousands",
    "run of missing values": FILL,
}


def remedy_for(reason: str, otherwise: str = "correct the file") -> str:
    """Return what to do about rows with a reason, `otherwise` where there is no better advice."""
    kind = reason.partition(":")[0]
    return REMEDIES.get(NO_SESSION if kind.startswith(NO_SESSION) else kind, otherwise)


def shown(text: str) -> str:
    """Return the text of a row on one line of at most 80 characters."""
    line = text.replace("\n", " ")
    return line if len(line) <= 80 else f"{line[:77]}..."


def is_cut(raw: RawTable) -> bool:
    """Return whether the last line has no end and a last field shorter than those of the rows before it.

    Many whole files end without a line end; a number that was cut is shorter than its neighbours.
    """
    before = raw.fields[:-1, -1][raw.whole[:-1]][-NEIGHBOURS:]
    return not raw.ended and len(before) > 0 and len(raw.fields[-1, -1]) < min(map(len, before))


class Quarantine:
    """The verdict on each row of a raw table: no reason, or the first one that was found.

    Parameters
    ----------
    table : what the rows are for.
    raw : the rows.
    even : whether rows are about as long as each other, so that a short last one without an end `is_cut`.

    Examples
    --------
    >>> raw = RawTable("a.csv", ("x",), np.array([["1"], ["2"]], object), np.array([2, 3]), ("1", "2"),
    ...                np.array([True, False]))
    >>> quarantine = Quarantine("bars", raw)
    >>> quarantine.sound.tolist(), quarantine.counted()
    ([True, False], '1 wrong number of fields')
    """

    def __init__(self, table: str, raw: RawTable, *, even: bool = True) -> None:
        self.table, self.raw = table, raw
        self.reasons: list[str] = ["" if whole else WRONG_FIELDS for whole in raw.whole]
        if even and is_cut(raw):
            self.put([len(self.reasons) - 1], UNENDED)

    @property
    def sound(self) -> NDArray[np.bool_]:
        """[rows] whether no reason was found yet."""
        return np.array([not reason for reason in self.reasons], dtype=np.bool_)

    def put(self, rows: NDArray[np.intp] | Sequence[int], reason: str) -> None:
        """Put rows in quarantine; a row keeps the first reason that it was given."""
        for row in rows:
            self.reasons[row] = self.reasons[row] or reason

    def counted(self) -> str:
        """Return how many rows there are for each kind of reason, most frequent first."""
        kinds = Counter(reason.partition(":")[0] for reason in self.reasons if reason)
        return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())

    def check(self, limit: float, setting: str = "data.quarantine_limit") -> None:
        """Raise where the share of rows in quarantine passes the limit, the desk's `setting`.

        Raises
        ------
        DataError
            With the counts, the first row, and what to do about the most frequent reason.
        """
        held = [row for row, reason in enumerate(self.reasons) if reason and reason not in UNCOUNTED]
        looked_at = sum(reason not in UNCOUNTED for reason in self.reasons)
        if len(held) <= limit * looked_at:
            return
        kind = Counter(self.reasons[row].partition(":")[0] for row in held).most_common(1)[0][0]
        first = next(row for row in held if self.reasons[row].startswith(kind))
        raise DataError(
            f"{self.raw.file}: {len(held)} of {looked_at} rows fail a check ({self.counted()}), more "
            f"than {setting} {limit:g} allows; row {self.raw.number[first]} is "
            f"{shown(self.raw.text[first])!r}: {remedy_for(kind)}, or raise the limit"
        )

    def rows(self) -> pd.DataFrame:
        """Return the rows in quarantine: `table, file, row, reason, text`."""
        held = np.flatnonzero(~self.sound)
        columns = {
            "table": [self.table] * len(held),
            "file": [self.raw.file] * len(held),
            "row": self.raw.number[held],
            "reason": [self.reasons[row] for row in held],
            "text": [self.raw.text[row] for row in held],
        }
        frame = pd.DataFrame(columns, columns=list(COLUMNS))
        return frame.astype({name: "str" for name in COLUMNS if name != "row"} | {"row": "int64"})
