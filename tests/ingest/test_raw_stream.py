import bz2
import gzip
import io
import zipfile

import numpy as np
import pyarrow as pa
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest import raw_stream
from pipeline.ingest.raw_stream import RawStream

TEXT = "".join(f"{i},{i * i}\n" for i in range(5000)).encode()


def zipped(content, names=("inside.csv",)):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return sink.getvalue()


PACKED = {"plain": bytes, "gz": gzip.compress, "bz2": bz2.compress, "zip": zipped}


@pytest.mark.parametrize("kind", PACKED)
def test_the_content_comes_out_whatever_packs_it(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    path.write_bytes(PACKED[kind](TEXT))
    stream = RawStream(str(path))
    assert b"".join(stream.blocks(1000)) == TEXT
    assert stream.head(10) == TEXT[:10]


def test_zstd(tmp_path):
    path = tmp_path / "a.zst"
    with pa.OSFile(str(path), "wb") as file, pa.CompressedOutputStream(file, "zstd") as stream:
        stream.write(TEXT)
    assert b"".join(RawStream(str(path)).blocks(1000)) == TEXT


@pytest.mark.parametrize("size", [7, 64, 1000, 1 << 20])
def test_lines_are_whole_and_numbered(tmp_path, size):
    path = tmp_path / "a.csv"
    path.write_bytes(TEXT + b"unended")
    lines = []
    for number, block in RawStream(str(path)).line_blocks(size):
        assert number == len(lines) + 1
        lines += block.decode().splitlines()
    assert lines == (TEXT + b"unended").decode().splitlines()


@pytest.mark.parametrize("kind", ["gz", "bz2", "zip"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_file_says_so(tmp_path, kind, share):
    path, noise = tmp_path / f"a.{kind}", np.random.default_rng(1).bytes(100_000)
    packed = PACKED[kind](noise)
    path.write_bytes(packed[: int(share * len(packed))])
    with pytest.raises(DataError, match=rf"a\.{kind}: is damaged or half written after \d+ unpacked bytes"):
        list(RawStream(str(path)).blocks())


def test_text_in_utf_16_is_named(tmp_path):
    for name, code in (("a.csv", "utf-16-le"), ("b.csv", "utf-16-be")):
        (tmp_path / name).write_bytes("\ufefftime,price\n".encode(code))
        with pytest.raises(DataError, match=rf"^{name}: is UTF-16 text, save it as UTF-8$"):
            list(RawStream(str(tmp_path / name)).line_blocks())


def test_a_zip_bomb_is_refused_early(tmp_path, monkeypatch):
    monkeypatch.setattr(raw_stream, "BOMB_FLOOR", 1 << 20)
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes(40 << 20), 9))
    taken = 0
    blocks = RawStream(str(path)).blocks()
    with pytest.raises(DataError, match="zip bomb"):  # noqa: PT012
        for block in blocks:
            taken += len(block)
    assert taken <= 1000 * path.stat().st_size + raw_stream.BLOCK


def test_an_archive_of_two_files_asks_which(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(TEXT, ("x.csv", "y.csv")))
    with pytest.raises(DataError, match=r"holds 2 files \(x.csv, y.csv\): name one of them"):
        RawStream(str(path)).head()
    assert RawStream(str(path)).members() == ("x.csv", "y.csv")
    assert RawStream(str(path), "y.csv").head(5) == TEXT[:5]
    with pytest.raises(DataError, match=r"holds no z\.csv"):
        RawStream(str(path), "z.csv").head()


def test_what_is_not_there_says_so(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        RawStream(str(tmp_path / "none.csv")).head()
    with pytest.raises(DataError, match="is a folder"):
        RawStream(str(tmp_path)).head()
    with pytest.raises(DataError, match="cannot be opened"):
        RawStream("nosuch://bucket/key").head()


def test_a_file_without_lines_is_not_kept_in_memory(tmp_path):
    path = tmp_path / "junk.csv"
    path.write_bytes(b"x" * 100_000)
    with pytest.raises(DataError, match="line 1 has over 6400 bytes"):
        list(RawStream(str(path)).line_blocks(100))


def test_a_url_is_read_like_a_path():
    import fsspec

    with fsspec.open("memory://bucket/a.csv.gz", "wb") as file:
        file.write(gzip.compress(TEXT))
    stream = RawStream("memory://bucket/a.csv.gz")
    assert stream.name == "a.csv.gz"
    assert b"".join(stream.blocks()) == TEXT
    assert len(stream.digest()) == 64
