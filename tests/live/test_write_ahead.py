"""The log ahead of a journal: files take turns, and nothing that was appended is in none of them."""

import threading

import pytest

from pipeline.live.write_ahead import WriteAheadLog, ahead_of, records


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


def test_a_thread_that_takes_the_files_away_finds_every_record_once(place):
    def take() -> None:
        while not over.is_set() or len(ahead_of(place)) > 1:
            for file in log.turned():
                taken.extend(record["audit"][0] for record in records(file))
                file.unlink()

    taken, over, log = [], threading.Event(), WriteAheadLog(place, full=False)
    taking = threading.Thread(target=lambda: take())
    taking.start()
    for number in range(5000):
        log.append({"audit": [number]})
    over.set()
    taking.join()
    left = [record["audit"][0] for file in log.turned() for record in records(file)]
    log.close()
    assert taken + left == list(range(5000))
    assert taken
