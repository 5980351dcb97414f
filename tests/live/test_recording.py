"""What a feed takes is on disk, or the desk is told that it is not."""

import pytest

from pipeline.domain.errors import FeedError
from pipeline.live.recording import Recording


def test_blocks_are_written_in_their_order_and_nothing_makes_no_file(tmp_path):
    path = tmp_path / "feed" / "a.log"
    with Recording(path) as recording:
        recording.append(b"")
        assert not path.exists()
        for block in (b"1 {}\n", b"2 {}\n3 {}\n"):
            recording.append(block)
    assert path.read_bytes() == b"1 {}\n2 {}\n3 {}\n"


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "feed").write_text("a file, no folder")
    recording = Recording(tmp_path / "feed" / "a.log")
    recording.append(b"1 {}\n")
    with pytest.raises(FeedError, match="cannot be written"):
        recording.close()
    with pytest.raises(FeedError, match="cannot be written"):
        recording.append(b"2 {}\n")


def test_a_disk_that_is_too_far_behind_is_said(tmp_path):
    with Recording(tmp_path / "a.log", most=3) as recording, pytest.raises(FeedError, match="behind"):
        recording.append(b"1 {}\n")
