"""Numbers read as numbers, against the same blocks read as text: the text is the oracle."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.delimited import delimited
from pipeline.ingest.line_screen import LineScreen
from pipeline.ingest.raw_stream import RawStream

KINDS = {"price": pa.float64(), "count": pa.int64(), "word": pa.string()}
PLAIN = ("1", "236.5", "-0", "007", "1e5", ".5", "1.", "", "NaN", "null", "9007199254740993")
ODD = (
    " 1", "1 ", "1\t", "+1", "0x1F", "inf", "-Infinity", "nan", "NAN", "1e400", "1_000", "1,5", "x", "--1",
    "9223372036854775808", "1\r", "1\x002", '"1"', "é", "\N{FULLWIDTH DIGIT ONE}",
)  # fmt: skip


def screened(path, kinds):
    """Return what a screen makes of each block of a file."""
    found = []
    for lines in delimited(RawStream(str(path)), kinds=kinds):
        screen = LineScreen(lines)
        values = [
            screen.numbers("price"),
            screen.whole("count", optional=True),
            screen.text("word", optional=True).to_pylist(),
        ]
        rows = [*zip(lines.number.tolist(), lines.texts(range(len(lines))), strict=True)]
        found.append((*map(list, values), rows, screen.reasons, screen.sound.tolist(), lines.odd))
    return found


def written(path, rows):
    path.write_text("\n".join(["price,count,word", *map(",".join, rows), ""]), newline="")
    return path


def same(path):
    as_numbers, as_text = screened(path, KINDS), screened(path, None)
    np.testing.assert_equal(as_numbers, as_text)
    return as_numbers


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("lines") / "a.csv"


def rows(fields):
    return st.lists(st.tuples(fields, fields, fields), min_size=1, max_size=12)


@given(rows(st.sampled_from(PLAIN)))
def test_blocks_of_numbers_give_what_their_text_gives(file, content):
    same(written(file, content))


@given(rows(st.sampled_from(PLAIN + ODD)))
def test_blocks_with_anything_else_give_what_their_text_gives(file, content):
    same(written(file, content))


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_field_costs_no_other_row(file, odd):
    (found,) = same(written(file, [("1", "2", "a"), (odd, "3", "b"), ("4", "5", "c")]))
    prices, counts, _, lines, *_ = found
    read = {line: row for (line, _), *row in zip(lines, prices, counts, strict=True)}
    assert [read[line] for line in (2, 4)] == [[1.0, 2], [4.0, 5]]


def test_a_clean_block_holds_numbers_a_dirty_one_text_and_only_what_is_asked(file):
    def kinds(content):
        (lines,) = delimited(RawStream(str(written(file, content))), kinds={"price": pa.float64()})
        return {name: column.type for name, column in lines.columns.items()}

    assert kinds([("1", "2", "a"), ("", "2", "a")]) == {"price": pa.float64()}
    assert kinds([("1", "2", "a"), ("x", "2", "a")]) == {"price": pa.string()}
    assert kinds([("1", "2", "a"), (" 1", "2", "a")]) == {"price": pa.string()}
