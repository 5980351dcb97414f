"""Orders out of journals and files: what they tell, and what nothing may be learned from."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.orders import PAPER, Order, Report, Standing
from pipeline.domain.own_settings import OwnData
from pipeline.live.journal import Entry, Journal
from pipeline.live.own_orders import (
    EARLY,
    LATE,
    PAPER_FILLS,
    RESTED,
    ROUTED,
    UNSEEN,
    of_files,
    of_journals,
    own_orders,
)

SECOND = 1_000_000_000
AT = 1_583_420_400 * SECOND


def seen(at, bid=99.0, ask=101.0):
    return Entry(at, "policy", "decide", "band", {"bid": bid, "ask": ask, "asked": 1.0}, "desk 1")


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.db", "desk", now=0) as opened:
        yield opened


def sent(journal, name, at, *fills, units=2.0, limit=None, entry=None, over=Standing.FILLED, venue="m"):
    """Write an order down and its fills: units, price and seconds after the decision."""
    journal.intend(Order(name, "BTC", units, limit, at), seen(at) if entry is None else entry)
    for place, (filled, price, after) in enumerate(fills):
        last = place == len(fills) - 1
        standing = over if last else Standing.WORKING
        report_id, when = f"{venue}{name}-{place}", at + int(after * SECOND)
        journal.report(Report(report_id, name, standing, filled, price, 0.0, when))


def found_in(tmp_path, paper=False):
    return own_orders(of_journals([tmp_path / "journal.db"], "desk", paper=paper))


def test_an_order_is_its_fills_together_with_the_prices_of_its_decision(journal, tmp_path):
    sent(journal, "late", AT + 60 * SECOND, (-1.0, 98.0, 0.3), units=-1.0)
    sent(journal, "a", AT, (0.5, 101.0, 0.1), (1.5, 102.0, 0.4))
    journal.report(Report("ack", "late", Standing.FILLED, time=AT + 61 * SECOND))
    rows, refused = found_in(tmp_path)
    assert refused == {}
    first, second = rows.to_dict("records")
    assert first["price"] == pytest.approx(101.75)
    assert (first["units"], first["side"], first["mid"], first["half_spread"]) == (2.0, 1.0, 100.0, 0.01)
    assert first["latency"] == first["wait"] == pytest.approx(0.1)
    assert first["known"] == AT + int(0.4 * SECOND)
    assert (second["side"], second["units"], second["price"]) == (-1.0, 1.0, 98.0)


def test_what_teaches_nothing_is_counted_by_reason(journal, tmp_path):
    sent(journal, "paper", AT, (2.0, 101.0, 0.1), venue=PAPER)
    sent(journal, "limit", AT + 1, (2.0, 101.0, 0.1), limit=101.0)
    sent(journal, "blind", AT + 2, (2.0, 101.0, 0.1), entry=seen(AT + 2, bid=float("nan")))
    sent(journal, "early", AT + 3, (2.0, 101.0, -0.1))
    sent(journal, "replayed", AT + 6, (2.0, 101.0, 4e8))
    sent(journal, "open", AT + 4, (1.0, 101.0, 0.1), over=Standing.WORKING)
    sent(journal, "unfilled", AT + 5)
    sent(journal, "routed", AT + 7)
    journal.report(Report("r@other", "routed", Standing.FILLED, 2.0, 101.0, time=AT + SECOND))
    rows, refused = found_in(tmp_path)
    assert rows.empty
    assert refused == {PAPER_FILLS: 1, ROUTED: 1, RESTED: 1, UNSEEN: 1, EARLY: 1, LATE: 1}
    rows, refused = found_in(tmp_path, paper=True)
    assert rows["decided"].tolist() == [AT]
    assert PAPER_FILLS not in refused


@pytest.mark.parametrize("after", [0.0, 1.0, -0.6])
def test_a_market_that_tells_time_to_the_second_teaches_costs_and_no_latency(journal, tmp_path, after):
    decided = AT if after >= 0.0 else AT + 6 * SECOND // 10
    sent(journal, "a", decided, (2.0, 101.0, after))
    ((row,), refused) = (found_in(tmp_path).rows.to_dict("records"), found_in(tmp_path).refused)
    assert refused == {}
    assert np.isnan([row["latency"], row["wait"]]).all()
    assert (row["mid"], row["price"]) == (100.0, 101.0)


def test_one_that_was_filled_in_part_and_is_over_counts_for_what_was_filled(journal, tmp_path):
    sent(journal, "part", AT, (0.5, 101.0, 0.1), over=Standing.CANCELLED)
    rows, _ = found_in(tmp_path)
    assert rows["units"].tolist() == [0.5]


def test_fills_of_files_are_orders_by_their_id_and_tell_no_latency():
    time = pd.to_datetime([AT, AT + SECOND, AT + 2 * SECOND, AT], utc=True)
    fills = pd.DataFrame(
        {
            "event_time": time, "known_time": time + pd.Timedelta("1s"), "side": [1, 1, -1, 1],
            "instrument": ["ES", "ES", "ES", "NQ"], "size": [1.0, 3.0, 2.0, 9.0],
            "price": [101.0, 102.0, 99.0, 5.0], "order_id": ["x", "x", "", "x"],
            "mid": [100.0, 100.0, np.nan, 5.0],
        }
    )  # fmt: skip
    own = OwnData(instrument="ES", multiplier=50.0, others=["NQ"], fills={"file": "fills.csv"})
    rows, refused = own_orders(of_files(fills, own))
    assert refused == {}
    assert rows["units"].tolist() == [200.0, 100.0]
    assert rows["price"].tolist() == [101.75, 99.0]
    assert rows["decided"].tolist() == [AT, AT + 2 * SECOND]
    assert rows["known"].tolist() == [AT + 2 * SECOND, AT + 3 * SECOND]
    assert rows["wait"].tolist()[0] == 0.0
    assert rows[["mid", "half_spread", "wait", "latency"]].iloc[1].isna().all()
    assert rows["latency"].isna().all()
