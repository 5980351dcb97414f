"""The fields of delimited lines as values: what cannot be read is held, with its line and a reason."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pandas.util import hash_array

from pipeline.ingest.delimited import Lines
from pipeline.ingest.held_lines import HeldLines
from pipeline.ingest.market_tables import Batch, batch, held

_NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_INSTANT: Final = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,9})?$"
_FIRST, _LAST = np.datetime64("1990-01-01", "ns"), np.datetime64("2100-01-01", "ns")
_WHOLE: Final = r"^-?\d{1,18}$"
_DIGITS: Final = r"^\d{1,18}$"
_HASHED: Final = np.int64(1 << 62)


class LineScreen(HeldLines):
    r"""Lines under examination.

    Examples
    --------
    >>> lines = Lines({"price": pa.array(["1.5", "x"])}, np.array([2, 3]), [], b"1.5\nx\n")
    >>> screen = LineScreen(lines)
    >>> screen.numbers("price").tolist(), screen.sound.tolist()
    ([1.5, nan], [True, False])
    """

    def __init__(self, lines: Lines) -> None:
        super().__init__(len(lines))
        self.lines = lines

    def numbers(self, name: str, optional: bool = False) -> NDArray[np.float64]:
        """Return a column of numbers; NaN where there is none, which only an `optional` column may have."""
        values, given = self._parsed(name, pa.float64(), _NUMBER, np.nan, optional)
        self.refuse(given & ~np.isfinite(values), f"not a number: {name}")
        return values

    def whole(self, name: str, optional: bool = False) -> NDArray[np.int64]:
        """Return a column of whole numbers; 0 where there is none."""
        values, _ = self._parsed(name, pa.int64(), _WHOLE, 0, optional)
        return values

    def ids(self, name: str) -> NDArray[np.int64]:
        r"""Return a column of ids as numbers above zero; 0 where there is none.

        A whole number of up to 18 digits stands for itself. Other text (a UUID, a longer number) becomes a
        number of 19 digits that hangs on it alone; of ten million such ids two are the same number once in a
        hundred thousand times.

        Examples
        --------
        >>> lines = Lines({"id": pa.array(["41", None, "1b2f-7"])}, np.array([2, 3, 4]), [], b"")
        >>> [len(str(each)) for each in LineScreen(lines).ids("id")]
        [2, 1, 19]
        """
        text = self.text(name, optional=True)
        number = _flags(pc.match_substring_regex(text, _DIGITS))
        whole = pc.cast(pc.if_else(number, text, "0"), pa.int64())
        values: NDArray[np.int64] = whole.to_numpy().copy()
        other = np.flatnonzero(~number & (pc.binary_length(text).to_numpy() > 0))
        if len(other):
            words = text.take(pa.array(other)).to_numpy(zero_copy_only=False)
            values[other] = (hash_array(words, categorize=False) >> np.uint64(2)).astype(np.int64) | _HASHED
        return values

    def instants(self, name: str) -> NDArray[np.datetime64]:
        """Return a column of ISO 8601 times without an offset; what lies outside 1990 to 2100 is held."""
        column = self.text(name)
        shaped = _flags(pc.match_substring_regex(column, _INSTANT))
        try:
            read = pc.cast(pc.if_else(shaped, column, None), pa.timestamp("ns"))
        except pa.ArrowInvalid:
            read = pa.array([_instant(text) for text in column.to_pylist()], pa.timestamp("ns"))
        values = read.to_numpy(zero_copy_only=False).astype("datetime64[ns]")
        wrong = np.isnat(values) | ~((values >= _FIRST) & (values < _LAST))
        self.refuse(wrong, f"not a time of 1990 to 2100: {name}")
        return np.where(wrong, _FIRST, values)

    def text(self, name: str, optional: bool = False) -> pa.Array:
        """Return a column of text; empty where there is none."""
        column = self.lines.columns[name]
        if not optional:
            self.refuse(_flags(pc.is_null(column)), f"no value: {name}")
        return column.fill_null("")

    def codes(self, name: str, meaning: Mapping[str, int]) -> NDArray[np.int64]:
        """Return what each word of a column stands for; other words are held."""
        text = self.text(name)
        place = pc.index_in(text, pa.array(list(meaning)))
        unknown = _flags(pc.is_null(place))
        self.refuse(unknown, f"{name} is none of {', '.join(meaning)}")
        values = np.array([*meaning.values()], dtype=np.int64)
        chosen: NDArray[np.int64] = values[place.fill_null(0).to_numpy(zero_copy_only=False)]
        return chosen

    def batches(self, table: str, file: str, columns: Mapping[str, object]) -> Iterator[Batch]:
        """Yield the sound rows as a batch of a table (`source_row` comes from here), then the rows held."""
        whole = batch(table, {**columns, "source_row": self.lines.number})
        yield Batch(table, whole.rows.filter(pa.array(self.sound)))
        yield from self.held(table, file)

    def held(self, table: str, file: str) -> Iterator[Batch]:
        """Yield the lines that are held, those that were no rows among them, in the order of the file."""
        rows = sorted(self.reasons)
        texts = self.lines.texts(rows)
        found = [
            (int(self.lines.number[row]), self.reasons[row], text)
            for row, text in zip(rows, texts, strict=True)
        ]
        found = sorted([*found, *self.lines.odd])
        if found:
            yield held(table, file, found)

    def _parsed(
        self, name: str, kind: pa.DataType, pattern: str, nothing: float, optional: bool
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        column = self.lines.columns[name]
        if column.type == kind and not column.null_count:
            return column.to_numpy(), np.ones(len(column), dtype=np.bool_)
        given = _flags(pc.is_valid(column))
        if not optional:
            self.refuse(~given, f"no value: {name}")
        try:
            values = pc.cast(column, kind)
        except pa.ArrowInvalid:
            readable = pc.match_substring_regex(column, pattern).fill_null(False)
            what = "not a whole number" if pa.types.is_integer(kind) else "not a number"
            self.refuse(given & ~_flags(readable), f"{what}: {name}")
            values = pc.cast(pc.if_else(readable, column, None), kind)
            given &= _flags(readable)
        return values.fill_null(nothing).to_numpy(zero_copy_only=False), given


def _instant(text: str) -> pa.Scalar | None:
    try:
        return pc.cast(pa.scalar(text), pa.timestamp("ns"))
    except pa.ArrowInvalid:
        return None


def _flags(column: pa.Array) -> NDArray[np.bool_]:
    values: NDArray[np.bool_] = column.to_numpy(zero_copy_only=False)
    return values
