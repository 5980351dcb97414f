"""The tokens of a block against orjson, which reads each line by itself."""

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.json_tokens import (
    DECIMAL,
    EMPTY,
    FALSE,
    LONG,
    NO_STAMP,
    NOT_JSON,
    NULL,
    TEXT,
    TRUE,
    WHOLE,
    code,
    tokens,
)


def scalars(value, key=0, nest=0, column=0):
    """Yield (key, lists, place, scalar) of what orjson made of a line, in its order."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from scalars(each, int(code(name)), nest)
    elif value == []:
        yield key, nest + 1, 0, "empty"
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from scalars(each, key, nest + 1, place)
    else:
        yield key, nest, column, value


def told(found, token):
    kind, text = found.kind[token], found.text[found.begin[token] : found.end[token]]
    if kind in (WHOLE, DECIMAL, LONG):
        return float(found.value[token])
    return {TRUE: True, FALSE: False, NULL: None, EMPTY: "empty"}.get(
        kind, text.decode(errors="surrogateescape")
    )


def same(mine, theirs):
    if isinstance(mine, float) and isinstance(theirs, str):
        return mine == float(theirs)
    if isinstance(theirs, bool) or theirs is None or isinstance(theirs, str):
        return mine is theirs or mine == theirs
    return mine == theirs


NUMBERS = st.one_of(
    st.integers(-(2**53), 2**53),
    st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9).map(
        str
    ),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr),
)
SCALARS = st.one_of(
    NUMBERS,
    st.booleans(),
    st.none(),
    st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=8),
)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4)
OBJECTS = st.dictionaries(
    st.text("abcdefEUpu", min_size=1, max_size=3),
    st.one_of(SCALARS, PAIRS, st.dictionaries(st.text("xyz", min_size=1, max_size=2), SCALARS, max_size=3)),
    max_size=5,
)


def agrees(block):
    """Check every line of a block that was read, and that orjson refuses none of them."""
    found = tokens(block)
    for line in range(len(found)):
        text = block[found.starts[line] : found.stops[line]]
        mine = np.flatnonzero(found.line == line)
        if found.fault[line] or not text.strip():
            assert not len(mine)
            continue
        theirs = list(scalars(orjson.loads(text[text.index(b"{") :])))
        assert len(mine) == len(theirs)
        for token, (key, nest, place, value) in zip(mine, theirs, strict=True):
            assert (found.key[token], found.nest[token], found.column[token]) == (key, nest, place)
            assert same(told(found, token), value)


@given(st.lists(OBJECTS, max_size=5))
def test_every_scalar_is_that_of_orjson(objects):
    block = b"".join(b"%d word %s\n" % (i, orjson.dumps(each)) for i, each in enumerate(objects))
    found = tokens(block)
    assert not found.fault.any()
    assert found.stamp.tolist() == list(range(len(objects)))
    agrees(block)


LINE = (
    b'1723161253937085768 {"stream":"x@depth",'
    b'"data":{"e":"u","E":17,"b":[["617.63","0.0"],["7","1e-3"]],"m":true}}'
)


@given(st.lists(st.tuples(st.integers(0, len(LINE) - 1), st.binary(min_size=1, max_size=1)), max_size=3))
def test_a_damaged_line_is_refused_or_read_as_it_stands(flips):
    line = bytearray(LINE)
    for place, byte in flips:
        line[place] = byte[0]
    assert len(tokens(bytes(line))) == sum(part.strip(b" \r") != b"" for part in line.split(b"\n"))
    if line.isascii() and b"\\" not in line:
        agrees(bytes(line))


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_end_in_tokens_or_faults(block):
    found = tokens(block)
    written = [place for place, line in enumerate(block.split(b"\n")) if line.rstrip(b" \r")]
    assert found.number.tolist() == written


def test_blank_lines_are_none_and_leave_the_numbers_of_lines():
    found = tokens(b"\n" * 100_000 + LINE + b"\n \r\n\n" + LINE)
    assert len(found) == 2
    assert found.number.tolist() == [100_000, 100_003]
    assert [found.shown(line).encode() for line in (0, 1)] == [LINE, LINE]


@pytest.mark.parametrize("end", range(1, len(LINE)))
def test_half_a_line_is_refused(end):
    assert tokens(LINE[:end]).fault.tolist() in ([NOT_JSON], [NO_STAMP])


@pytest.mark.parametrize(
    "text",
    ["0.1", "236.47", "1.7885566900000001", "123456789012345678", "9007199254740993.5", "1e22", "1.5e-7",
     "0.000000000000000000000001", "61737.63000000", "-3.25"],
)  # fmt: skip
def test_numbers_are_rounded_as_python_rounds_them(text):
    for written in (text, f'"{text}"'):
        assert tokens(f'1 {{"p":{written}}}'.encode()).numbers("p").tolist() == [float(text)]


@pytest.mark.parametrize("text", ["nan", "Infinity", "1_000", " 1", "1.2.3", "0x10", "", "1,5", "01", "+1"])
def test_what_is_no_plain_decimal_is_text(text):
    found = tokens(f'1 {{"p":"{text}"}}'.encode())
    assert found.kinds("p").tolist() == [TEXT]
    assert np.isnan(found.numbers("p")).all()


def test_pairs_of_another_form_are_told():
    block = (
        b'1 {"b":[["1","2"],["3","4"]]}\n2 {"b":[["1"],["2","3","4"]]}\n'
        b'3 {"b":["1","2"]}\n4 {"b":[["5","6"]]}\n'
    )
    pairs = tokens(block).pairs("b")
    assert pairs.line.tolist() == [0, 0, 3]
    assert pairs.first.tolist() == [1, 3, 5]
    assert pairs.second.tolist() == [2, 4, 6]
    assert pairs.odd.tolist() == [False, True, True, False]


def test_an_empty_list_is_a_list_and_none_is_not():
    block = b'1 {"b":[]}\n2 {"a":[]}\n3 {"b":[[]]}\n4 {"b":[["1","2"],[]]}\n'
    assert tokens(block).pairs("b").odd.tolist() == [False, True, True, True]


def test_a_file_of_json_alone_needs_no_stamp():
    found = tokens(b'{"lastUpdateId": 5, "bids": [["1", "2"]]}', stamped=False)
    assert found.wholes("lastUpdateId").tolist() == [5]
    assert not found.fault.any()
