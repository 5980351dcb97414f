import bz2
import gzip
import time

import pyarrow as pa
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest.delimited import CONTROL, HEADER, NO_END, NOT_TEXT, WRONG_FIELDS, delimited
from pipeline.ingest.raw_stream import RawStream


@pytest.fixture
def lines(tmp_path):
    def run(content, name="a.csv", **how):
        (tmp_path / name).write_bytes(content)
        return list(delimited(RawStream(str(tmp_path / name)), **how))

    return run


def test_whole_lines_become_columns_and_the_others_are_held_with_their_line(lines):
    content = b"a,b\n1,2\n\nx\n3,4,5\n\xff,1\n6,7\r\n8\r,9\n,\n"
    (found,) = lines(content)
    assert found.columns["a"].to_pylist() == ["1", "6", None]
    assert found.columns["b"].to_pylist() == ["2", "7", None]
    assert found.number.tolist() == [2, 7, 9]
    assert [(line, reason) for line, reason, _ in found.odd] == [
        (4, WRONG_FIELDS),
        (5, WRONG_FIELDS),
        (6, NOT_TEXT),
        (8, CONTROL),
    ]
    assert found.texts([1]) == ["6,7"]


def test_blank_lines_are_no_rows_and_leave_the_numbers_of_lines(lines):
    (found,) = lines(b"a,b\n1,2\n\n \t\r\n3,4\n\n")
    assert (found.number.tolist(), found.odd, found.texts([1])) == ([2, 5], [], ["3,4"])
    assert lines(b"a,b\n1,2\n  ")[-1].odd == []


def test_a_packed_file_of_newlines_costs_nothing(lines):
    before = time.process_time()
    found = lines(gzip.compress(b"a,b\n" + b"\n" * (4 << 20) + b"1,2\n"), "a.csv.gz")
    assert [each.number.tolist() for each in found] == [[(4 << 20) + 2]]
    assert time.process_time() - before < 1.0
    with pytest.raises(DataError, match="holds no rows"):
        lines(b"a,b\n\n\n")


def test_a_half_number_at_the_end_is_not_believed_unless_the_packing_vouches_for_it(lines):
    whole, last = lines(b"a,b\n1,2\n3,4")
    assert whole.number.tolist() == [2]
    assert len(last) == 0
    assert last.odd == [(3, NO_END, "3,4")]
    for packed in (gzip.compress(b"a,b\n1,2\n3,4"), bz2.compress(b"a,b\n1,2\n3,4")):
        found = lines(packed, "a.packed")
        assert [number for each in found for number in each.number.tolist()] == [2, 3]


def test_a_header_between_rows_is_held(lines):
    content = b"a,b\n1,2\na,b\n3,4\n"
    for kinds in (None, {"a": pa.int64(), "b": pa.int64()}):
        (found,) = lines(content, kinds=kinds)
        assert found.odd == [(3, HEADER, "a,b")]
        assert found.number.tolist() == [2, 4]


def test_many_blocks_give_what_one_gives(lines):
    content = b"a,b\n" + b"".join(b"%d,%d\n" % (row, row * row) for row in range(150_000))
    found = lines(content)
    assert len(found) > 1
    numbers = [number for each in found for number in each.number.tolist()]
    assert numbers == list(range(2, 150_002))
    squares = [int(value) for each in found for value in each.columns["b"].to_pylist()]
    assert squares == [row * row for row in range(150_000)]


def test_a_header_that_lacks_a_column_is_one_clear_error(lines):
    with pytest.raises(DataError, match=r"a\.csv: line 1 has no column price: did you mean prices\?"):
        lines(b"time,prices\n1,2\n", required=("price",))
    with pytest.raises(DataError, match="two columns time"):
        lines(b"time,time\n1,2\n")


def test_no_rows_at_all_is_an_error(lines):
    for content in (b"", b"a,b\n", b"a,b"):
        with pytest.raises(DataError, match="holds no rows"):
            lines(content)


def test_a_byte_order_mark_is_no_part_of_a_name(lines):
    (found,) = lines(b"\xef\xbb\xbfa,b\n1,2\n", required=("a",))
    assert found.columns["a"].to_pylist() == ["1"]
