"""Options named on the command line are checked before anything is decided."""

import pandas as pd
import pytest

from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError
from pipeline.live.open_book import OptionTerms, single_option

FRIDAY = pd.Timestamp("2018-06-29")


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"strike": -5.0}, "--strike -5: give a price above zero"),
        ({"strike": float("nan")}, "--strike nan: give a price above zero"),
        ({"quantity": 0.0}, "--quantity 0: give the options held"),
        ({"quantity": float("inf")}, "--quantity inf: give the options held"),
        ({"expiry": FRIDAY}, "--expiry 2018-06-29: the option has expired by 2018-06-29"),
    ],
)
def test_terms_that_no_option_has_name_their_flag(terms, message):
    with pytest.raises(DataError, match=message):
        single_option(Desk(name="x", policies={"run": ()}), OptionTerms(**terms), FRIDAY, 2718.0)
