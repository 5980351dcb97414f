import csv
import gzip
import random

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import DataError
from pipeline.ingest.market_tables import QUARANTINE

METRICS = b"""date,AdrActCnt,BlkCnt,DiffMean,TxCnt,FeeTotUSD,ROI30d
2019-01-01,433715,149,5.6e12,236000,45000.5,-3.1
2019-01-02,450000,150,5.6e12,250000,,-2.5
"""
BAD = {
    "2019-01-03,1,-150,5.6e12,250000,1,1": "negative BlkCnt",
    "2019-01-03,1,x,5.6e12,250000,1,1": "not a number: BlkCnt",
    "2019-01-02,1,150,5.6e12,250000,1,1": "duplicate: its day has been",
    "2018-12-30,1,150,5.6e12,250000,1,1": "day out of order",
    "2019-02-30,1,150,5.6e12,250000,1,1": "not a date: date",
    "2019-01-03,1,150": "wrong number of fields",
}


@pytest.fixture
def metrics(tables, tmp_path):
    def run(content, **terms):
        (tmp_path / "coinmetrics_btc.csv").write_bytes(content)
        return tables(tmp_path / "coinmetrics_btc.csv", **terms)

    return run


def test_each_metric_of_a_day_is_a_row_known_a_day_later(metrics):
    table = metrics(METRICS)["alternative"].to_pandas()
    assert table.groupby("series")["value"].apply(list).to_dict() == {
        "AdrActCnt": [433715.0, 450000.0],
        "BlkCnt": [149.0, 150.0],
        "DiffMean": [5.6e12, 5.6e12],
        "FeeTotUSD": [45000.5],
        "ROI30d": [-3.1, -2.5],
        "TxCnt": [236000.0, 250000.0],
    }
    assert table["event_time"][0] == pd.Timestamp("2019-01-02", tz="UTC")
    assert table["known_time"][0] == pd.Timestamp("2019-01-03", tz="UTC")
    assert table["pseudo_vintage"].all()


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_is_held_whole_with_its_reason(metrics, line):
    found = metrics(METRICS + line.encode() + b"\n")
    assert found["alternative"].num_rows == 11
    assert found[QUARANTINE]["reason"].to_pylist() == [BAD[line]]
    assert found[QUARANTINE]["source_row"].to_pylist() == [4]


def test_amounts_in_another_unit_than_their_line_says_are_held(metrics):
    head = "date,AdrActCnt,BlkCnt,TxCnt,FeeTotNtv,FeeTotUSD,PriceUSD"
    days = ["1,1,100,2,8000,4000", "1,1,100,2,800000,4000", "1,1,100,,8e9,4000", "1,1,100,0,0,4000"]
    rows = [f"2019-01-0{day},{row}" for day, row in enumerate(days, 1)]
    found = metrics("\n".join([head, *rows, ""]).encode())
    assert found[QUARANTINE]["reason"].to_pylist() == ["in another unit: FeeTotUSD"] * 2
    assert found[QUARANTINE]["source_row"].to_pylist() == [3, 4]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_whatever_is_wrong_every_line_is_there_once(metrics, seed):
    dice = random.Random(seed)
    damaged = bytearray(METRICS)
    for _ in range(dice.randrange(1, 4)):
        damaged[dice.randrange(len(damaged))] = dice.randrange(256)
    fault, found = "", {}
    try:
        found = metrics(bytes(damaged), named="coinmetrics")
    except DataError as error:
        fault = str(error)
    assert "\n" not in fault
    if not fault:
        kept, held = (
            set(found[name]["source_row"].to_pylist()) if name in found else set()
            for name in ("alternative", QUARANTINE)
        )
        assert not kept & held
        assert kept | held <= set(range(2, damaged.count(b"\n") + 2))


def test_real_metrics_are_what_a_plain_loop_reads(shared, tables):
    path = shared / "onchain" / "coinmetrics_btc.csv.gz"
    found = tables(path)
    assert QUARANTINE not in found
    with gzip.open(path, "rt") as lines:
        rows = list(csv.DictReader(lines))
    table = found["alternative"].to_pandas()
    for name in ("FeeTotUSD", "TxCnt", "PriceUSD"):
        written = [(row["date"], float(row[name])) for row in rows if row[name]]
        mine = table[table["series"] == name]
        assert mine["value"].tolist() == [value for _, value in written]
        days = (mine["event_time"] - pd.Timedelta(days=1)).dt.strftime("%Y-%m-%d")
        assert days.tolist() == [day for day, _ in written]
    assert len(table) == sum(bool(value) for row in rows for name, value in row.items() if name != "date")
