import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest.formats.catalogue import format_of, formats
from pipeline.ingest.raw_stream import RawStream


def test_a_file_of_no_known_format_names_those_that_are(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"\x00\x01\x02" * 100)
    with pytest.raises(DataError, match=r"a\.bin: is of no format that is known"):
        format_of(RawStream(str(path)))


def test_a_format_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(DataError, match="nosuch: no such format"):
        format_of(RawStream(str(tmp_path / "a")), "nosuch")


def test_every_format_has_both_functions():
    for each in formats().values():
        assert callable(each.recognises)
        assert callable(each.read)
