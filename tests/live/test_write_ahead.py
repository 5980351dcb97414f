"""The log ahead of a journal: files take turns, and nothing that was appended is in none of them."""

import os
import shutil
import subprocess
import sys
import threading

import pytest

from pipeline.live import write_ahead
from pipeline.live.write_ahead import (
    BEGIN,
    HEAD,
    PIECE,
    SECTOR,
    DamagedError,
    WriteAheadLog,
    ahead_of,
    records,
)
from tests.live.failing_pages import FailingPages


@pytest.fixture
def place(tmp_path):
    return tmp_path / "journal.db"


def test_a_file_is_another_one_when_it_has_records_and_goes_on_behind_those_that_are_left(place):
    log = WriteAheadLog(place, full=True)
    assert log.turned() == []
    log.append(b"one\n\0")
    (first,) = log.turned()
    assert log.turned() == [first]
    log.append(b"\0two")
    log.close()
    assert ahead_of(place) == [first, first.with_suffix(".2")]
    again = WriteAheadLog(place, full=False)
    assert [record for file in again.turned() for record in records(file)] == [b"one\n\0", b"\0two"]
    again.close()
    assert len(ahead_of(place)) == 2, "the third had no records"


def test_a_file_that_is_full_is_followed_by_one_with_room_for_the_next_record(place):
    log, long = WriteAheadLog(place, full=False), b"x" * (PIECE // 2)
    told = [b"1" + long, b"2" + long, b"3" + 4 * long, b"4"]
    for each in told:
        log.append(each)
    files = ahead_of(place)
    assert len(files) == 4
    assert [record for file in log.turned() for record in records(file)] == told
    log.close()


TWO = (b"some text" * 30, b"\0more text, and a zero" * 30)
"""Records of which the second goes over a sector's end."""
SECOND = len(BEGIN) + HEAD.size + len(TWO[0])


@pytest.fixture
def written(place):
    """A file of two records, and what changes it: bytes put in a place of it, and one more record behind."""
    log = WriteAheadLog(place, full=False)
    for each in TWO:
        log.append(each)
    (file,) = log.turned()
    log.close()
    content = file.read_bytes()

    def change(begin, put, further=False):
        changed = bytearray(content)
        changed[begin : begin + len(put)] = put
        if further:
            end = SECOND + HEAD.size + len(TWO[1])
            first = content[len(BEGIN) : SECOND]
            changed[end : end + len(first)] = first
        file.write_bytes(changed)
        return file

    return change


@pytest.mark.parametrize(
    ("begin", "size"),
    [(SECOND, HEAD.size), (SECOND + 4, 4), (SECOND, SECTOR - SECOND), (SECTOR, SECTOR), (SECOND, 2 * SECTOR)],
    ids=["no head", "half a head", "not its first sector", "not its last one", "neither"],
)
def test_a_last_record_that_is_not_whole_never_happened_and_another_one_is_damage(written, begin, size):
    """Whatever of a record the death of the process or the loss of power let through."""
    assert records(written(begin, bytes(size))) == [TWO[0]]
    if begin + size < SECOND + HEAD.size + len(TWO[1]):
        with pytest.raises(DamagedError, match="record 2 is damaged"):
            records(written(begin, bytes(size), further=True))


def test_a_file_that_is_cut_in_its_last_record_has_those_before(written):
    file = written(0, b"")
    os.truncate(file, SECOND + 100)
    assert records(file) == [TWO[0]]


def test_a_file_of_another_version_is_refused(written):
    """Lines of text, as they were."""
    with pytest.raises(DamagedError, match="does not begin with b'ahead 2"):
        records(written(0, b'0c5d8c10 {"audit":[1]}\n'))


@pytest.mark.parametrize("begin", [SECOND - 1, SECOND, SECOND + 4, SECOND + HEAD.size, SECTOR + 100])
@pytest.mark.parametrize("further", [False, True])
def test_a_byte_that_is_another_is_damage(written, begin, further):
    with pytest.raises(DamagedError, match=r"record [12] is damaged"):
        records(written(begin, b"\x07", further))


@pytest.mark.parametrize("harm", [lambda file: os.truncate(file, 0), os.unlink])
def test_a_file_that_was_cut_or_removed_is_found_and_what_comes_is_in_another(place, harm):
    log = WriteAheadLog(place, full=False)
    log.append(b"1")
    harm(*ahead_of(place))
    with pytest.raises(OSError, match=r"ahead\.1 was cut or removed by somebody else"):
        log.turned()
    log.append(b"halted")
    log.close()
    assert records(ahead_of(place)[-1]) == [b"halted"]


def test_a_record_that_the_disk_did_not_take_is_taken_back_and_the_next_one_stands_in_its_place(
    place, monkeypatch
):
    monkeypatch.setattr(write_ahead, "mmap", FailingPages)
    log = WriteAheadLog(place, full=True)
    log.append(b"the first")
    monkeypatch.setattr(FailingPages, "broken", True)
    for refused in (b"one that is longer than the next", b"another"):
        with pytest.raises(OSError, match="Input/output error"):
            log.append(refused)
        assert records(*ahead_of(place)) == [b"the first"]
    monkeypatch.setattr(FailingPages, "broken", False)
    log.append(b"the next")
    log.close()
    assert records(*ahead_of(place)) == [b"the first", b"the next"]


FILLS = """
import errno, pathlib, sys
from pipeline.live.write_ahead import WriteAheadLog, ahead_of, records

place, taken = pathlib.Path(sys.argv[1], "journal.db"), 0
log = WriteAheadLog(place, full=sys.argv[2] == "full")
try:
    while True:
        log.append(b"x" * 999)
        taken += 1
except OSError as error:
    assert error.errno == errno.ENOSPC, error
files = ahead_of(place)
assert [len(records(file)) for file in files] == [taken // 2] * 2, "nothing is left of the file without room"
files[0].unlink()
log.append(b"y" * 999)
assert records(ahead_of(place)[-1]) == [b"y" * 999], "there is room again"
print(taken)
"""


@pytest.mark.parametrize("full", ["full", "fast"])
def test_a_disk_that_is_full_says_so_before_a_record_is_written_and_kills_nobody(tmp_path, full):
    """A file system of its own, with room for two files and a half: pages without room would be SIGBUS."""
    inside = f'mount -t tmpfs -o size={PIECE * 5 // 2} tmpfs "$0" && exec "$@"'
    begin = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", inside, str(tmp_path)]
    if shutil.which("unshare") is None or subprocess.run([*begin, "true"], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    told = [*begin, sys.executable, "-c", FILLS, str(tmp_path), full]
    done = subprocess.run(told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 2 * (PIECE // 1100)


@pytest.mark.parametrize("copy", ["1.bak", "1~", "1.2", "old"])
def test_somebodys_copy_of_a_file_is_none_of_them(place, copy):
    log = WriteAheadLog(place, full=False)
    log.append(b"1")
    (file,) = ahead_of(place)
    place.with_name(f"{place.name}-ahead.{copy}").write_bytes(file.read_bytes())
    assert log.turned() == [file]
    log.close()


def test_a_thread_that_takes_the_files_away_finds_every_record_once(place):
    def take() -> None:
        while not over.is_set() or len(ahead_of(place)) > 1:
            for file in log.turned():
                taken.extend(map(int, records(file)))
                file.unlink()

    taken, over, log = [], threading.Event(), WriteAheadLog(place, full=False)
    taking = threading.Thread(target=lambda: take())
    taking.start()
    for number in range(40_000):
        log.append(b"%d" % number)
    over.set()
    taking.join()
    left = [int(record) for file in log.turned() for record in records(file)]
    log.close()
    assert taken + left == list(range(40_000))
    assert taken
