"""Lines of `stamp [word] {json}` as columns of tokens, which NumPy then reads a block at a time.

A stream of a venue holds millions of small messages. Making Python objects of each costs more than all the
rest, so one pass over the bytes notes every scalar with the key that it stands under, and numbers are read in
that pass, rounded as Python's `float` rounds them.
"""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.kept import kept

WHOLE, DECIMAL, LONG, TEXT, TRUE, FALSE, NULL, EMPTY = range(8)
"""Kinds of tokens; a number may stand in quotes. LONG is one of more digits than the pass rounds rightly;
EMPTY is a list without anything in it."""

NO_STAMP: Final = 1
NOT_JSON: Final = 2
REASONS: Final = {NO_STAMP: "does not begin with a time", NOT_JSON: "not whole JSON"}

_OFFSET: Final = np.uint64(0xCBF29CE484222325)
_PRIME: Final = np.uint64(0x100000001B3)
_EXACT: Final = 1 << 53
_POWERS: Final = 10.0 ** np.arange(23)
_DEEPEST: Final = 8
_NEWLINE: Final = 10
_TYPICAL: Final = 8
"""Bytes a token, at least, in messages of venues."""
_KEY, _VALUE, _COMMA = range(3)
_FULL, _BROKEN, _NOTHING = -1, -2, -1


@lru_cache(maxsize=1024)
def code(text: str) -> int:
    """Return what stands for a text in the tokens: its 64-bit FNV-1a hash.

    Examples
    --------
    >>> code("price") == code("price"), code("price") == code("prices")
    (True, False)
    """
    return int(_code(np.frombuffer(text.encode(), np.uint8), 0, len(text.encode())))


@dataclass(frozen=True)
class Tokens:
    """The scalars of a block of lines, in their order; blank lines are none.

    Attributes
    ----------
    text : the block.
    number : [lines] how many lines of the block stand before each, blank ones too.
    starts, stops : [lines] where each line begins and ends.
    stamp : [lines] the number in front.
    word : [lines] code of the word after it; 0 where there is none.
    fault : [lines] 0, or why the line cannot be read (REASONS); such a line has no tokens.
    line, key, kind : [tokens] the line, the code of the key, the kind.
    nest, column : [tokens] in how many lists within the key, and the place in the innermost.
    value : [tokens] a number, NaN for another kind.
    whole : [tokens] a whole number, or the code of a text.
    begin, end : [tokens] where it stands in the block.
    """

    text: bytes
    number: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    stamp: NDArray[np.int64]
    word: NDArray[np.int64]
    fault: NDArray[np.int8]
    line: NDArray[np.int32]
    key: NDArray[np.int64]
    kind: NDArray[np.int8]
    nest: NDArray[np.int8]
    column: NDArray[np.int32]
    value: NDArray[np.float64]
    whole: NDArray[np.int64]
    begin: NDArray[np.int32]
    end: NDArray[np.int32]
    _found: dict[str, NDArray[np.int64]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.starts)

    def shown(self, line: int) -> str:
        """Return the beginning of a line as text for a message."""
        return self.text[self.starts[line] : self.stops[line]][:200].decode(errors="replace")

    def at(self, name: str) -> NDArray[np.int64]:
        """Return [lines] which token holds the scalar of a key, −1 where a line has none."""
        if name not in self._found:
            places, keys = self._scalars
            tokens = places[keys == code(name)]
            found = np.full(len(self), -1, dtype=np.int64)
            found[self.line[tokens]] = tokens
            self._found[name] = found
        return self._found[name]

    @cached_property
    def _scalars(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        places = np.flatnonzero(self.nest == 0)
        return places, self.key[places]

    @cached_property
    def _listed(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        places = np.flatnonzero(self.nest > 0)
        return places, self.key[places]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return [lines] the number under a key; NaN where there is none."""
        return self._taken(self.value, self.at(name), np.nan)

    def wholes(self, name: str, kind: int = WHOLE, missing: int = -1) -> NDArray[np.int64]:
        """Return [lines] the whole number (or, with `kind` TEXT, the code of the text) under a key."""
        return np.where(self.kinds(name) == kind, self._taken(self.whole, self.at(name), missing), missing)

    def kinds(self, name: str) -> NDArray[np.int8]:
        """Return [lines] the kind of the scalar under a key; −1 where there is none."""
        return self._taken(self.kind, self.at(name), -1)

    def labels(self, name: str) -> tuple[list[str], NDArray[np.int64]]:
        """Return the different texts under a key, "" for none, and [lines] which of them each has."""
        codes = self.wholes(name, TEXT, 0)
        _, first, which = np.unique(codes, return_index=True, return_inverse=True)
        token = self.at(name)[first]
        shown = [
            self.text[self.begin[each] : self.end[each]].decode(errors="replace") if said else ""
            for each, said in zip(token, codes[first], strict=True)
        ]
        return shown, which

    def pairs(self, name: str) -> "Pairs":
        """Return the list of [price, size] pairs under a key, of all lines."""
        places, keys = self._listed
        tokens = places[keys == code(name)]
        empty = self.kind[tokens] == EMPTY
        told = np.zeros(len(self), dtype=np.bool_)
        told[self.line[tokens]] = True
        told[self.line[tokens[empty & (self.nest[tokens] > 1)]]] = False
        tokens = tokens[~empty]
        lines = self.line[tokens]
        count = np.bincount(lines, minlength=len(self))
        first = np.cumsum(count) - count
        right = (self.column[tokens] == (np.arange(len(tokens)) - first[lines]) % 2) & (
            self.nest[tokens] == 2
        )
        odd = ~told | (count % 2 == 1) | (np.bincount(lines, ~right, minlength=len(self)) > 0)
        values = self.value[tokens[~odd[lines]]].reshape(-1, 2)
        return Pairs(lines[~odd[lines]][::2], values[:, 0], values[:, 1], odd)

    @staticmethod
    def _taken(values: NDArray[Any], tokens: NDArray[np.int64], missing: float) -> NDArray[Any]:
        if not len(values):
            return np.full(len(tokens), missing, dtype=values.dtype)
        return np.where(tokens >= 0, values[tokens], values.dtype.type(missing))


class _Columns(NamedTuple):
    """[tokens] The columns that a pass fills, as `Tokens` has them."""

    line: NDArray[np.int32]
    key: NDArray[np.int64]
    kind: NDArray[np.int8]
    nest: NDArray[np.int8]
    column: NDArray[np.int32]
    value: NDArray[np.float64]
    whole: NDArray[np.int64]
    begin: NDArray[np.int32]
    end: NDArray[np.int32]


_KINDS: Final = ("i4", "i8", "i1", "i1", "i4", "f8", "i8", "i4", "i4")


@dataclass(frozen=True)
class Pairs:
    """Pairs of numbers: [pairs] their line and both numbers; [lines] whether it has no list of such."""

    line: NDArray[np.int32]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    odd: NDArray[np.bool_]


def tokens(text: bytes, stamped: bool = True) -> Tokens:
    r"""Return the tokens of a block of whole lines; `stamped` where each begins with a whole number.

    Examples
    --------
    >>> found = tokens(b'17 trade {"price": 236.5, "id": 3}\n')
    >>> found.stamp.tolist(), found.numbers("price").tolist(), found.wholes("id").tolist()
    ([17], [236.5], [3])
    """
    data = np.frombuffer(text, np.uint8)
    stops = np.flatnonzero(data == _NEWLINE)
    if text[-1:] not in (b"\n", b""):
        stops = np.append(stops, len(text))
    starts = np.append(0, stops[:-1] + 1) if len(stops) else stops
    number = np.flatnonzero(_written(data, starts, stops))
    lines = (number, starts[number], stops[number])
    found = _tokens(text, stamped, lines, len(text) // _TYPICAL + 64)
    if found is None:
        found = _tokens(text, stamped, lines, len(text) + 64)
    assert found is not None
    return found


def _tokens(text: bytes, stamped: bool, lines: tuple[NDArray[np.int64], ...], most: int) -> Tokens | None:
    """Return the tokens unless there are more than `most`; of each line its number, beginning and end."""
    number, starts, stops = lines
    stamp, word = np.zeros(len(stops), np.int64), np.zeros(len(stops), np.int64)
    fault = np.zeros(len(stops), np.int8)
    out = _Columns(*(np.empty(most, kind) for kind in _KINDS))
    data = np.frombuffer(text, np.uint8)
    count = _scan(data, stamped, _POWERS, starts, stops, stamp, word, fault, out)
    if count == _FULL:
        return None
    for token in np.flatnonzero(out.kind[:count] == LONG):
        out.value[token] = float(text[out.begin[token] : out.end[token]])
    filled: Any = (column[:count] for column in out)
    return Tokens(text, number, starts, stops, stamp, word, fault, *filled)


@kept(nogil=True)
def _code(text: NDArray[np.uint8], begin: int, end: int) -> Any:
    found = _OFFSET
    for place in range(begin, end):
        found = (found ^ np.uint64(text[place])) * _PRIME
    return np.int64(found)


@kept(nogil=True)
def _written(
    text: NDArray[np.uint8], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return [lines] whether anything stands in a line."""
    found = np.zeros(len(starts), np.bool_)
    for row in range(len(starts)):
        found[row] = _end(text, starts[row], stops[row]) > starts[row]
    return found


@kept(nogil=True)
def _scan(
    text: NDArray[np.uint8],
    stamped: bool,
    powers: NDArray[np.float64],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    stamp: NDArray[np.int64],
    word: NDArray[np.int64],
    fault: NDArray[np.int8],
    out: _Columns,
) -> int:
    """Fill the columns line by line; return the number of tokens, _FULL where there are more than fit."""
    in_list = np.zeros(_DEEPEST + 1, np.bool_)
    places = np.zeros(_DEEPEST + 1, np.int64)
    count = 0
    for row in range(len(starts)):
        at, last = starts[row], _end(text, starts[row], stops[row])
        if stamped:
            at, stamp[row], word[row], fault[row] = _front(text, at, last)
        if fault[row] == 0:
            found = _message(text, at, last, powers, row, count, in_list, places, out)
            if found == _FULL:
                return _FULL
            if found == _BROKEN:
                fault[row] = NOT_JSON
            else:
                count = found
    return count


@kept(nogil=True, forceinline=True)
def _end(text: NDArray[np.uint8], first: int, last: int) -> int:
    """Return where a line ends, without the blanks and the carriage return after it."""
    while last > first and (text[last - 1] == 13 or text[last - 1] == 32):
        last -= 1
    return last


@kept(nogil=True, forceinline=True)
def _front(text: NDArray[np.uint8], at: int, last: int) -> tuple[int, Any, Any, int]:
    """Return where the message begins, the stamp and the word before it, and what is wrong with them."""
    first, stamp, word = at, np.int64(0), np.int64(0)
    while at < last and 48 <= text[at] <= 57 and at - first < 19:
        stamp = stamp * 10 + np.int64(text[at] - 48)
        at += 1
    if at in (first, last) or stamp < 0 or text[at] != 32:
        return at, np.int64(0), word, NO_STAMP
    at += 1
    first = at
    while at < last and (97 <= text[at] <= 122 or text[at] == 95):
        at += 1
    if at == first:
        return at, stamp, word, 0
    word = _code(text, first, at)
    if at == last or text[at] != 32:
        return at, stamp, word, NOT_JSON
    return at + 1, stamp, word, 0


@kept(nogil=True)
def _message(
    text: NDArray[np.uint8],
    at: int,
    last: int,
    powers: NDArray[np.float64],
    row: int,
    count: int,
    in_list: NDArray[np.bool_],
    places: NDArray[np.int64],
    out: _Columns,
) -> int:
    """Note the scalars of one object from token `count` on; return the count after it, _BROKEN or _FULL.

    `in_list` and `places` are room for each depth: whether it is a list, and the place in it.
    """
    line, key, kind, nest, column, value, whole, begin, end = out
    depth, lists, name, due, opened = 0, 0, np.int64(0), _VALUE, False
    while True:
        at = _past_blanks(text, at, last)
        if at == last:
            return _BROKEN
        byte = text[at]
        if byte == 44 and due == _COMMA:
            places[depth] += 1
            at, due = at + 1, (_VALUE if in_list[depth] else _KEY)
        elif (byte == 93 or byte == 125) and (due == _COMMA or opened):
            if byte != (93 if in_list[depth] else 125):
                return _BROKEN
            if opened and in_list[depth]:
                if count == len(line):
                    return _FULL
                line[count], key[count], kind[count], nest[count], column[count] = row, name, EMPTY, lists, 0
                value[count], whole[count], begin[count], end[count] = np.nan, 0, at, at
                count += 1
            lists -= 1 if in_list[depth] else 0
            depth -= 1
            at, due, opened = at + 1, _COMMA, False
            if depth == 0:
                return count if _past_blanks(text, at, last) == last else _BROKEN
        elif due == _COMMA:
            return _BROKEN
        elif due == _KEY:
            name, at = _key(text, at, last)
            if at < 0:
                return _BROKEN
            due, opened = _VALUE, False
        elif byte == 123 or byte == 91:
            if depth == _DEEPEST or (depth == 0 and byte == 91):
                return _BROKEN
            depth += 1
            in_list[depth], places[depth] = byte == 91, 0
            lists += 1 if byte == 91 else 0
            at, due, opened = at + 1, (_VALUE if byte == 91 else _KEY), True
        else:
            if depth == 0:
                return _BROKEN
            if count == len(line):
                return _FULL
            line[count], key[count], nest[count] = row, name, lists
            column[count] = places[depth] if in_list[depth] else 0
            begin[count], end[count], at = _span(text, at, last)
            if at < 0:
                return _BROKEN
            said = _scalar(text, powers, begin[count], end[count], byte == 34)
            kind[count], value[count], whole[count] = said
            if kind[count] == _NOTHING:
                return _BROKEN
            count += 1
            due, opened = _COMMA, False


@kept(nogil=True, forceinline=True)
def _past_blanks(text: NDArray[np.uint8], at: int, last: int) -> int:
    while at < last and (text[at] == 32 or text[at] == 9):
        at += 1
    return at


@kept(nogil=True, forceinline=True)
def _key(text: NDArray[np.uint8], at: int, last: int) -> tuple[Any, int]:
    """Return the code of the key at `at` and where its colon ends; −1 where there is none."""
    close = _closing(text, at + 1, last) if text[at] == 34 else -1
    if close < 0:
        return np.int64(0), -1
    colon = _past_blanks(text, close + 1, last)
    if colon == last or text[colon] != 58:
        return np.int64(0), -1
    return _code(text, at + 1, close), colon + 1


@kept(nogil=True, forceinline=True)
def _span(text: NDArray[np.uint8], at: int, last: int) -> tuple[int, int, int]:
    """Return where a scalar begins and ends, without quotation marks, and what follows it; −1 for no end."""
    if text[at] == 34:
        close = _closing(text, at + 1, last)
        return at + 1, close, (close + 1 if close >= 0 else -1)
    close = at
    while close < last and not _ends_bare(text[close]):
        close += 1
    return at, close, close


@kept(nogil=True, forceinline=True)
def _scalar(
    text: NDArray[np.uint8], powers: NDArray[np.float64], begin: int, end: int, quoted: bool
) -> tuple[int, Any, Any]:
    """Return the kind of a scalar, its number and its whole number or code; _NOTHING where it is not JSON."""
    kind, sign, decimals, mantissa = _number(text, begin, end, quoted)
    if kind == WHOLE:
        return WHOLE, sign * np.float64(mantissa), sign * mantissa
    if kind == DECIMAL:
        return DECIMAL, sign * (np.float64(mantissa) / powers[decimals]), np.int64(0)
    if kind == TEXT and not quoted:
        kind = _literal(text, begin, end)
        return (_NOTHING if kind == TEXT else kind), np.nan, np.int64(0)
    return kind, np.nan, (_code(text, begin, end) if kind == TEXT else np.int64(0))


@kept(nogil=True, forceinline=True)
def _closing(text: NDArray[np.uint8], at: int, last: int) -> int:
    """Return where the string that begins at `at` has its closing quotation mark; −1 where it has none."""
    while at < last:
        if text[at] == 34:
            return at
        if text[at] < 32:
            return -1
        at += 2 if text[at] == 92 else 1
    return -1


@kept(nogil=True)
def _ends_bare(byte: int) -> bool:
    return byte == 44 or byte == 93 or byte == 125 or byte == 32 or byte == 9


@kept(nogil=True, forceinline=True)
def _number(text: NDArray[np.uint8], at: int, end: int, quoted: bool) -> tuple[int, int, int, Any]:
    """Return the kind, the sign, the digits after the point and all digits as one whole number."""
    sign = 1
    if at < end and text[at] == 45:
        sign, at = -1, at + 1
    first, point, mantissa, long = at, -1, np.int64(0), False
    while at < end:
        byte = text[at]
        if 48 <= byte <= 57:
            if mantissa >= 100_000_000_000_000_000:
                long = True
            else:
                mantissa = mantissa * 10 + np.int64(byte - 48)
        elif byte == 46 and point < 0:
            point = at
        else:
            break
        at += 1
    digits = at - first - (1 if point >= 0 else 0)
    odd = digits == 0 or point == first or point == at - 1
    odd = odd or (digits > 1 and text[first] == 48 and point != first + 1)
    if odd:
        return TEXT, 1, 0, 0
    if at < end:
        return (LONG if _exponent(text, at, end) else TEXT), 1, 0, 0
    decimals = at - point - 1 if point >= 0 else 0
    if point < 0 and not long:
        return WHOLE, sign, 0, mantissa
    if long or mantissa > _EXACT or decimals > 22:
        return LONG, 1, 0, 0
    return DECIMAL, sign, decimals, mantissa


@kept(nogil=True)
def _exponent(text: NDArray[np.uint8], at: int, end: int) -> bool:
    if text[at] != 101 and text[at] != 69:
        return False
    at += 1
    if at < end and (text[at] == 43 or text[at] == 45):
        at += 1
    first = at
    while at < end and 48 <= text[at] <= 57:
        at += 1
    return first < at <= first + 3 and at == end


@kept(nogil=True, forceinline=True)
def _literal(text: NDArray[np.uint8], at: int, end: int) -> int:
    size, first = end - at, text[at] if at < end else 0
    if size == 4 and first == 116 and text[at + 1] == 114 and text[at + 2] == 117 and text[at + 3] == 101:
        return TRUE
    if size == 4 and first == 110 and text[at + 1] == 117 and text[at + 2] == 108 and text[at + 3] == 108:
        return NULL
    if (
        size == 5
        and first == 102
        and text[at + 1] == 97
        and text[at + 2] == 108
        and text[at + 3] == 115
        and text[at + 4] == 101
    ):
        return FALSE
    return TEXT
