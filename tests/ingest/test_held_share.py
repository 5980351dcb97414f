import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest.held_share import BACK, NO_FAULTS, check_held, reasons_of

HELD = pd.DataFrame({"file": "a", "reason": ["locked", "crossed", "locked"], "count": [1, 3, 1]})


def test_the_limit_itself_is_allowed():
    check_held("ticks", 20, HELD, 0.2)
    check_held("ticks", 0, HELD.iloc[:0], 0.0)


def test_beyond_it_the_message_names_the_reasons_and_the_setting():
    with pytest.raises(DataError) as fault:
        check_held("ticks", 15, HELD, 0.2)
    assert str(fault.value) == (
        "ticks: 5 of 20 rows fail a check (3 crossed, 2 locked), more than data.quarantine_limit 0.2 allows: "
        "mend or leave out what they name, or raise the limit"
    )


def test_a_file_that_is_out_of_order_is_named():
    held = pd.DataFrame(
        {"file": ["a", "b", "a"], "reason": ["crossed", BACK[0], BACK[0]], "count": [7, 3, 5]}
    )
    with pytest.raises(
        DataError, match=r"8 clock goes back.*: rows of a are not in the order of time.*: sort them by"
    ):
        check_held("ticks", 5, held, 0.2)


def test_only_the_most_frequent_reasons_are_named():
    many = pd.DataFrame({"reason": list("abcd"), "count": [4, 3, 2, 1]})
    assert reasons_of(many) == "4 a, 3 b, 2 c, and others"
    assert reasons_of(many.iloc[:0]) == ""


def test_copies_and_quotes_of_others_are_no_faults():
    check_held(
        "chains", 1, pd.DataFrame({"reason": [f"{each} SPX" for each in NO_FAULTS], "count": 1000}), 0.0
    )
