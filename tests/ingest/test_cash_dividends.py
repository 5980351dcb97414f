"""Dividends in cash: what was put into the factors comes out, and nothing is known before its time."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest.cash_dividends import cash_dividends, expected_dividends
from pipeline.ingest.factors import Factors


def made(price, split, until=("2014-02-05", "2014-06-06", "2014-08-06", "2050-12-31")):
    days = np.array(until, "datetime64[D]")
    return Factors(
        "f.csv", days, np.array(price), np.array(split), np.full(len(days), np.nan), pd.DataFrame()
    )


def test_dividends_and_splits_come_out_of_the_factors():
    sessions = np.arange("2014-02-03", "2014-08-12", dtype="datetime64[D]")
    sessions = sessions[np.is_busday(sessions)]
    close = np.linspace(500.0, 640.0, len(sessions))
    at = {day: float(close[sessions == np.datetime64(day)][0]) for day in ("2014-02-05", "2014-08-06")}
    second = 1.0 - 0.47 / at["2014-08-06"]
    first = second * (1.0 - 3.05 / at["2014-02-05"])
    found = cash_dividends(made([first, second, second, 1.0], [1 / 7, 1 / 7, 1.0, 1.0]), sessions, close)
    assert found["ex_date"].dt.strftime("%Y-%m-%d").tolist() == ["2014-02-06", "2014-06-09", "2014-08-07"]
    np.testing.assert_allclose(found["amount"], [3.05, 0.0, 0.47], atol=1e-9)
    np.testing.assert_allclose(found["split"], [1.0, 7.0, 1.0])


def test_a_price_factor_that_falls_is_an_error():
    sessions = np.arange("2014-02-03", "2014-08-12", dtype="datetime64[D]")
    with pytest.raises(DataError, match=r"f\.csv: the price factor falls after 2014-02-05"):
        cash_dividends(made([0.9, 0.8, 0.9, 1.0], [1.0, 1.0, 1.0, 1.0]), sessions, np.ones(len(sessions)))


QUARTERS = ["2014-02-06", "2014-05-08", "2014-08-07", "2014-11-06", "2015-02-05", "2015-05-07", "2015-08-06"]
PAID = pd.DataFrame({"ex_date": pd.to_datetime(QUARTERS), "amount": [0.4, 0.4, 0.4, 0.47, 0.47, 0.52, 0.52]})
PAID["split"] = 1.0
UNTIL = pd.Timestamp("2016-01-15")


def expected(day, paid=PAID, announced=9):
    return expected_dividends(paid, pd.Timestamp(day), UNTIL, announced)


def test_last_years_dates_come_again_with_the_last_amount():
    found = expected("2015-01-02")
    assert found["ex_date"].dt.strftime("%m-%d").tolist() == ["02-05", "05-07", "08-06", "11-05"]
    assert found["amount"].tolist() == [0.47] * 4


def test_an_announced_dividend_takes_the_place_of_the_expected_one():
    late = PAID.replace({"ex_date": {pd.Timestamp("2015-05-07"): pd.Timestamp("2015-05-11")}})
    before, after = expected("2015-05-01", late), expected("2015-05-02", late)
    assert (before["ex_date"].iloc[0], before["amount"].iloc[0]) == (pd.Timestamp("2015-05-07"), 0.47)
    assert (after["ex_date"].iloc[0], after["amount"].iloc[0]) == (pd.Timestamp("2015-05-11"), 0.52)
    assert len(before) == len(after) == 3


def test_what_is_paid_later_is_not_read():
    other = PAID.copy()
    other.loc[other["ex_date"] > "2015-02-05", "amount"] = 9.0
    other = other.drop(index=6)
    pd.testing.assert_frame_equal(expected("2015-02-20", other), expected("2015-02-20"))
    assert expected("2015-04-29", other)["amount"].iloc[0] == 9.0


def test_amounts_are_of_a_share_after_its_split():
    split = pd.DataFrame({"ex_date": pd.to_datetime(["2015-02-09"]), "amount": 0.0, "split": 4.0})
    paid = pd.concat([PAID.iloc[:5], split], ignore_index=True)
    assert expected("2015-02-06", paid)["amount"].tolist() == [0.47] * 3
    assert expected("2015-02-10", paid)["amount"].tolist() == [0.47 / 4] * 3


def test_a_share_without_dividends_expects_none():
    assert expected("2015-01-02", PAID.iloc[:0]).empty
