"""The values of records as columns: what cannot be read is held, with its row and the first reason."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.naming import hint
from pipeline.ingest.held_lines import HeldLines
from pipeline.ingest.market_tables import Batch, batch, held
from pipeline.ingest.records import Records

NOTHING: Final = frozenset({"", "nan", "na", "n/a", "null", "none"})
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_EPOCHS: Final = ((1e11, 1_000_000_000), (1e14, 1_000_000), (1e17, 1_000), (1e20, 1))
"""Counts from 1970 below the first number are seconds, then milliseconds, microseconds, nanoseconds."""
_FIRST, _LAST = np.datetime64("1990-01-01", "ns"), np.datetime64("2100-01-01", "ns")


class RecordScreen(HeldLines):
    """Records under examination; `columns` says which of their columns each of our names means.

    Examples
    --------
    >>> found = Records([{"qty": "5"}, {"qty": "five"}], [2, 3])
    >>> screen = RecordScreen(found, {"quantity": "qty"})
    >>> screen.numbers("quantity").tolist(), screen.sound.tolist()
    ([5.0, nan], [True, False])
    """

    def __init__(self, found: Records, columns: Mapping[str, str], hidden: Sequence[str] = ()) -> None:
        """Take records in; what is `hidden` of them is not shown in quarantine."""
        super().__init__(len(found.rows))
        self.found, self.columns = found, columns
        self._hidden = {columns.get(name, name) for name in hidden}

    def texts(self, name: str, optional: bool = False) -> list[str]:
        """Return a column of text; empty where there is none, which only an `optional` column may have."""
        texts = [_text(value) for value in self._values(name)]
        if not optional:
            self.refuse(np.array([not text for text in texts], dtype=np.bool_), f"no value: {name}")
        return texts

    def numbers(self, name: str, optional: bool = False) -> NDArray[np.float64]:
        """Return a column of numbers; NaN where there is none, which only an `optional` column may have."""
        values = np.full(len(self.sound), np.nan)
        for row, text in enumerate(self.texts(name, optional)):
            if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
                values[row] = float(text)
            elif text.lower() not in NOTHING or not optional:
                self._hold(row, f"not a number: {name}")
        return values

    def names(self, name: str, known: Sequence[str], optional: bool = False) -> list[str]:
        """Return a column of names, of which only `known` ones are let through; none known lets all."""
        texts = self.texts(name, optional)
        for row, text in enumerate(texts):
            if known and text and text not in known:
                self._hold(row, f"unknown {name} {text}; {hint(text, known)[:100]}")
        return texts

    def codes(self, name: str, meaning: Mapping[str, int]) -> NDArray[np.int64]:
        """Return what each word of a column stands for, capitals or not; other words are held."""
        words = [text.lower() for text in self.texts(name)]
        unknown = np.array([word not in meaning for word in words], dtype=np.bool_)
        self.refuse(unknown, f"{name} is none of {', '.join(meaning)}")
        return np.array([meaning.get(word, 0) for word in words], dtype=np.int64)

    def instants(self, name: str, zone: str) -> NDArray[np.datetime64]:
        """Return a column of times in UTC: ISO 8601, or counted from 1970 in whatever unit fits.

        A time without an offset is read in `zone`, and held if that is empty. A date is the end of its day.
        """
        values = np.full(len(self.sound), _FIRST)
        for row, value in enumerate(self._values(name)):
            found = _instant(value, zone)
            if isinstance(found, str):
                self._hold(row, f"{found}: {name}")
            elif _FIRST <= found < _LAST:
                values[row] = found
            else:
                self._hold(row, f"not a time of 1990 to 2100: {name}")
        return values

    def batches(self, table: str, file: str, columns: Mapping[str, object]) -> Iterator[Batch]:
        """Yield the sound rows as a batch of a table, then the rows held."""
        if len(self.sound):
            whole = batch(table, {**columns, "source_row": self.found.number})
            yield Batch(table, whole.rows.filter(pa.array(self.sound)))
        rows = [(self.found.number[row], reason, self._shown(row)) for row, reason in self.reasons.items()]
        odd = [(number, why, "" if self._hidden else text) for number, why, text in self.found.odd]
        if rows or odd:
            yield held(table, file, sorted([*rows, *odd]))

    def _hold(self, row: int, reason: str) -> None:
        if self.sound[row]:
            self.reasons[row] = reason
            self.sound[row] = False

    def _shown(self, row: int) -> str:
        values = self.found.rows[row].items()
        return ", ".join(f"{name} {value}" for name, value in values if name not in self._hidden)[:500]

    def _values(self, name: str) -> Sequence[Any]:
        column = self.columns.get(name)
        return [None if column is None else row.get(column) for row in self.found.rows]


def _text(value: Any) -> str:
    if value is None or isinstance(value, list | dict) or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value.strip() if isinstance(value, str) else str(value)


def _instant(value: Any, zone: str) -> np.datetime64 | str:
    if isinstance(value, bool):
        return "not a time"
    if isinstance(value, datetime | date):
        return _of_date(value, zone)
    text = _text(value)
    if not text:
        return "no value"
    if _NUMBER.fullmatch(text) and not re.fullmatch(r"(19|20)\d{6}", text):
        return _of_count(text)
    parse: Callable[[str], date] = date.fromisoformat if len(text) <= 10 else datetime.fromisoformat
    try:
        return _of_date(parse(text), zone)
    except ValueError:
        return "not a time"


def _of_count(text: str) -> np.datetime64 | str:
    count = float(text)
    for limit, factor in _EPOCHS:
        if 0.0 <= count < limit:
            whole = int(text) * factor if text.isdigit() else round(count * factor)
            return np.datetime64(whole, "ns") if whole < 2**63 else "not a time"
    return "not a time"


def _of_date(moment: date, zone: str) -> np.datetime64 | str:
    if not 1970 <= moment.year <= 2200:
        return "not a time of 1990 to 2100"
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day) + timedelta(days=1)
    if moment.tzinfo is None:
        if not zone:
            return "a time without an offset: set time_zone in the terms"
        moment = moment.replace(tzinfo=ZoneInfo(zone))
        if moment.utcoffset() != moment.replace(fold=1).utcoffset():
            return "hour that the change of clocks skips or repeats"
    since = moment - datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))
    return np.datetime64((since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000, "ns")
