"""The log ahead of a journal: files take turns, and nothing that was appended is in none of them."""

import os
import threading

import pytest

from pipeline.live.write_ahead import PIECE, DamagedError, WriteAheadLog, ahead_of, records


@pytest.fixture
def place(tmp_path):
    return tmp_path / "journal.db"


def test_a_file_is_another_one_when_it_has_records_and_goes_on_behind_those_that_are_left(place):
    log = WriteAheadLog(place, full=True)
    assert log.turned() == []
    log.append({"audit": [1, "é\n"]})
    (first,) = log.turned()
    assert log.turned() == [first]
    log.append({"audit": [2, None], "intents": [1, 0.1 + 0.2]})
    log.close()
    assert ahead_of(place) == [first, first.with_suffix(".2")]
    again = WriteAheadLog(place, full=False)
    told = [record for file in again.turned() for record in records(file)]
    assert told == [{"audit": [1, "é\n"]}, {"audit": [2, None], "intents": [1, 0.1 + 0.2]}]
    again.close()
    assert len(ahead_of(place)) == 2, "the third had no records"


def test_what_is_no_json_leaves_nothing(place):
    log = WriteAheadLog(place, full=False)
    with pytest.raises(TypeError):
        log.append({"audit": [object()]})
    log.append({"audit": [1]})
    log.close()
    assert records(*ahead_of(place)) == [{"audit": [1]}]


def test_a_file_that_is_full_is_followed_by_one_with_room_for_the_next_record(place):
    log, long = WriteAheadLog(place, full=False), "x" * (PIECE // 2)
    told = [{"audit": [1, long]}, {"audit": [2, long]}, {"audit": [3, 4 * long]}, {"audit": [4]}]
    for each in told:
        log.append(each)
    files = ahead_of(place)
    assert len(files) == 4
    assert [record for file in log.turned() for record in records(file)] == told
    log.close()


@pytest.mark.parametrize("hole", [slice(-30, -29), slice(-32, -1)])
def test_a_last_line_that_is_not_whole_never_happened_and_another_one_is_damage(place, hole):
    """Whatever of a line the death of the process let through, with zeros for the rest."""
    log = WriteAheadLog(place, full=False)
    for number in (1, 2):
        log.append({"audit": [number, "some more text"]})
    (file,) = log.turned()
    log.close()
    written = file.read_bytes()
    whole = written.rstrip(b"\0")
    torn = bytearray(whole)
    torn[hole] = bytes(len(torn[hole]))
    file.write_bytes(torn.ljust(len(written), b"\0"))
    assert records(file) == [{"audit": [1, "some more text"]}]
    line = whole.split(b"\n")[1] + b"\n"
    file.write_bytes((bytes(torn) + line).ljust(len(written), b"\0"))
    with pytest.raises(DamagedError, match="line 2 is damaged"):
        records(file)


@pytest.mark.parametrize("harm", [lambda file: os.truncate(file, 0), os.unlink])
def test_a_file_that_was_cut_or_removed_is_found_and_what_comes_is_in_another(place, harm):
    log = WriteAheadLog(place, full=False)
    log.append({"audit": [1]})
    harm(*ahead_of(place))
    with pytest.raises(OSError, match=r"ahead\.1 was cut or removed by somebody else"):
        log.turned()
    log.append({"risk": [2, "halted"]})
    log.close()
    assert records(ahead_of(place)[-1]) == [{"risk": [2, "halted"]}]


@pytest.mark.parametrize("copy", ["1.bak", "1~", "1.2", "old"])
def test_somebodys_copy_of_a_file_is_none_of_them(place, copy):
    log = WriteAheadLog(place, full=False)
    log.append({"audit": [1]})
    (file,) = ahead_of(place)
    place.with_name(f"{place.name}-ahead.{copy}").write_bytes(file.read_bytes())
    assert log.turned() == [file]
    log.close()


def test_a_thread_that_takes_the_files_away_finds_every_record_once(place):
    def take() -> None:
        while not over.is_set() or len(ahead_of(place)) > 1:
            for file in log.turned():
                taken.extend(record["audit"][0] for record in records(file))
                file.unlink()

    taken, over, log = [], threading.Event(), WriteAheadLog(place, full=False)
    taking = threading.Thread(target=lambda: take())
    taking.start()
    for number in range(40_000):
        log.append({"audit": [number]})
    over.set()
    taking.join()
    left = [record["audit"][0] for file in log.turned() for record in records(file)]
    log.close()
    assert taken + left == list(range(40_000))
    assert taken
