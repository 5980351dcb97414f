import csv
import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import DataError
from pipeline.ingest.formats.catalogue import format_of, formats
from pipeline.ingest.market_tables import QUARANTINE
from pipeline.ingest.raw_stream import RawStream
from pipeline.pricing import black
from pipeline.pricing.implied_vol import implied_vol
from pipeline.pricing.parity import parity_forward

# ruff: noqa: E501
CBOE = b"""underlying,underlying_last,exchange,optionroot,type,expiration,quotedate,strike,last,net,bid,ask,volume,openinterest,impliedvol,delta,gamma
SPX,2919.04,CBOE,SPXW190426C00800000,call,04/26/2019,04/25/2019,800.0,0.0,0.0,2109.9,2118.2,0,2,7.9432,0.9985,0.0
SPX,2919.04,CBOE,SPX190517P02900000,put,05/17/2019,04/25/2019,2900.0,30.1,0.0,30.0,30.6,120,4000,0.12,-0.44,0.004
SPX,2919.04,CBOE,SPX190517P01000000,put,05/17/2019,04/25/2019,1000.0,0.0,0.0,0.0,0.05,0,7,0.9,0.0,0.0
SPX,2919.04,CBOE,SPX190517P00100000,put,05/17/2019,04/25/2019,100.0,0.0,0.0,0.0,0.0,0,7,,0.0,0.0
"""
GREEKS = b"""underlying,underlying_last, exchange,optionroot,optionext,type,expiration,quotedate,strike,last,bid,ask,volume,openinterest,impliedvol,delta,gamma,theta,vega,optionalias,dte
SPY,368.79,*,SPY210129P00345000,,put,2021-01-29,2021-01-04,345.0,2.71,2.76,2.78,7424,48199,0.288,-0.178,0.009,-0.145,0.251,SPY210129P00345000,25
SPY,371.33,*,SPY210129P00345000,,put,2021-01-29,2021-01-05,345.0,2.0,2.06,2.08,7424,48199,0.288,-0.178,0.009,-0.145,0.251,SPY210129P00345000,24
"""
GOOD = "SPX,2919.04,CBOE,SPX190517C02900000,call,05/17/2019,04/25/2019,2900,0,0,50.0,50.6,1,1,0.1,0.5,0"
BAD = {
    ("04/25/2019", "04/19/2019"): "quoted on a day without a session: a stale copy",
    ("04/25/2019", "05/17/2019"): "quoted after it had settled at the open",
    ("04/25/2019", "05/20/2019"): "expired before it was quoted",
    ("04/25/2019", "25.04.2019"): "not a date: quotedate",
    ("call", "put"): "its contract name says otherwise",
    ("2900,", "290,"): "its contract name says otherwise",
    (",05/17/2019", ",05/24/2019"): "its contract name says otherwise",
    ("call", "straddle"): "type is none of call, put",
    ("SPX190517C02900000", "SPX"): "not the name of an option: optionroot",
    ("50.0,50.6", "50.6,50.0"): "crossed quote",
    ("50.0,50.6", "50.0,50.0"): "locked quote",
    ("50.0,50.6", "-1,50.0"): "negative bid",
    ("50.0,50.6", "50,50600"): "mid above what the option can be worth",
    ("2919.04", "29.19"): "bid above what the option can be worth",
    ("2919.04", "2619.04"): "underlying_price differs from the other rows of its day",
    ("50.0,50.6", "5000,5060"): "bid above what the option can be worth",
    ("50.6,1,", "50.6,-1,"): "negative volume",
    ("2919.04", "0"): "underlying_price not above zero",
    ("2919.04", "x"): "not a number: underlying_last",
    ("SPX190517C02900000,call", "SPX190517P02900000,put"): "its contract has been, told otherwise",
}


@pytest.fixture
def chain(tables, tmp_path):
    def run(content, name="SPX_20190425.csv", **terms):
        (tmp_path / name).write_bytes(content)
        return tables(tmp_path / name, **terms)

    return run


def test_a_chain_says_settlement_by_root_and_what_is_not_quoted(chain):
    table = chain(gzip.compress(CBOE), "SPX_20190425.csv.gz")["option_quotes"].to_pandas()
    assert table["root"].tolist() == ["SPXW", "SPX", "SPX", "SPX"]
    assert table["settlement"].tolist() == ["pm", "am", "am", "am"]
    assert set(table["exercise"]) == {"european"}
    assert table["right"].tolist() == [1, -1, -1, -1]
    assert table["bid"].tolist() == [2109.9, 30.0, 0.0, 0.0]
    assert table["ask"].isna().tolist() == [False, False, False, True]
    assert table["vendor_vol"].isna().tolist() == [False, False, False, True]
    assert table["vendor_theta"].isna().all()
    assert (table["event_time"] == pd.Timestamp("2019-04-25 20:00", tz="UTC")).all()
    assert (table["known_time"] == pd.Timestamp("2019-04-25 20:15", tz="UTC")).all()


def test_other_vendors_columns_are_found_by_name(chain):
    table = chain(GREEKS, "options.csv")["option_quotes"].to_pandas()
    assert set(table["exercise"]) == {"american"}
    assert table["vendor_vega"].tolist() == [0.251, 0.251]
    assert table["event_time"].dt.day.tolist() == [4, 5]


@pytest.mark.parametrize("change", BAD, ids=lambda change: f"{change[0]} to {change[1]}")
def test_a_bad_row_is_held_with_its_line_and_reason(chain, change):
    assert QUARANTINE not in chain(CBOE + GOOD.encode() + b"\n")
    found = chain(CBOE + GOOD.replace(*change).encode() + b"\n")
    assert found[QUARANTINE]["reason"].to_pylist() == [BAD[change]]
    assert found[QUARANTINE]["source_row"].to_pylist() == [6]
    assert found["option_quotes"].num_rows == 4


def test_a_row_that_comes_twice_alike_is_a_duplicate(chain):
    found = chain(CBOE + f"{GOOD}\n{GOOD}\n".encode())
    assert found[QUARANTINE]["reason"].to_pylist() == ["duplicate: its contract has been"]


def puts(strikes):
    """A smooth slice of puts, a row a strike."""
    mids = [round(0.4 * 1.05**place, 3) for place in range(len(strikes))]
    rows = [
        f"SPX,2919.04,CBOE,SPX190517P{strike * 1000:08d},put,05/17/2019,04/25/2019,{strike},0,0,"
        f"{mid - 0.05:.3f},{mid + 0.05:.3f},1,1,0.1,0.5,0"
        for strike, mid in zip(strikes, mids, strict=True)
    ]
    return [CBOE.split(b"\n")[0].decode(), *rows]


@pytest.mark.parametrize("factor", [100, 10, 0.01])
@pytest.mark.parametrize("right", ["put", "call"])
def test_a_quote_in_another_unit_than_the_strikes_beside_it_is_held_alone(chain, factor, right):
    lines = puts(list(range(2000, 2400, 10) if right == "put" else range(3500, 3900, 10)))
    if right == "call":
        quotes = [line.split(",")[10:12] for line in lines[1:]][::-1]
        rows = [
            line.replace("190517P", "190517C").replace(",put,", ",call,").split(",") for line in lines[1:]
        ]
        rows = [[*row[:10], *quote, *row[12:]] for row, quote in zip(rows, quotes, strict=True)]
        lines[1:] = [",".join(row) for row in rows]
    assert QUARANTINE not in chain("\n".join([*lines, ""]).encode())
    fields = lines[20].split(",")
    fields[10:12] = [str(float(text) * factor) for text in fields[10:12]]
    lines[20] = ",".join(fields)
    found = chain("\n".join([*lines, ""]).encode())
    assert found[QUARANTINE]["reason"].to_pylist() == ["against the quotes of the strikes beside it"]
    assert found[QUARANTINE]["source_row"].to_pylist() == [21]


def test_of_two_rows_that_say_two_prices_of_the_underlying_neither_is_taken(chain):
    lines = puts([2000, 2010])
    lines[1] = lines[1].replace("2919.04", "29.1904")
    reasons = chain("\n".join([*lines, ""]).encode())[QUARANTINE]["reason"].to_pylist()
    assert reasons == ["underlying_price differs from the other rows of its day"] * 2


def test_the_two_formats_know_their_own_files(tmp_path):
    for name, content in {"cboe_chain": CBOE, "greeks_chain": GREEKS}.items():
        (tmp_path / "a.csv").write_bytes(content)
        assert format_of(RawStream(str(tmp_path / "a.csv"))) is formats()[name]


def test_a_chain_without_a_column_names_it(chain):
    with pytest.raises(DataError, match=r"SPX_20190425\.csv: line 1 has no column bid"):
        chain(CBOE.replace(b",bid,", b",bud,"), named="cboe_chain")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_whatever_is_wrong_every_line_is_a_row_or_held(survives, seed):
    survives(seed, "chain.csv", CBOE, "cboe_chain")
    survives(seed, "greeks.csv", GREEKS, "greeks_chain")


def plain_rows(path):
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return list(csv.DictReader(text.splitlines(), skipinitialspace=True))


@pytest.mark.slow
def test_real_chains_are_what_a_plain_loop_reads(shared, tables):
    folder = shared / "options" / "spx_chains_2019"
    for day, held in {"20190527": 13_324, "20190704": 14_506, "20190621": 562, "20190425": 0}.items():
        path = folder / f"SPX_{day}.csv.gz"
        found, rows = tables(path), plain_rows(path)
        refused = set(found[QUARANTINE]["source_row"].to_pylist() if QUARANTINE in found else [])
        assert len(refused) == held
        kept = [row for line, row in enumerate(rows, 2) if line not in refused]
        table = found["option_quotes"].to_pandas()
        columns = {
            "bid": "bid",
            "strike": "strike",
            "vendor_vol": "impliedvol",
            "open_interest": "openinterest",
        }
        for name, column in columns.items():
            np.testing.assert_array_equal(table[name], [float(row[column]) for row in kept])
        assert table["expiry"].map(lambda date: f"{date:%m/%d/%Y}").tolist() == [
            row["expiration"] for row in kept
        ]
        assert table["root"].tolist() == [row["optionroot"][:-15] for row in kept]


def test_real_contracts_with_greeks_are_what_a_plain_loop_reads(shared, tables):
    expected = {
        "spy_chains_2021": {"crossed quote": 17, "locked quote": 1},
        "spx_contracts_2017": {"quoted after it had settled at the open": 6},
    }
    for folder, reasons in expected.items():
        path = shared / "options" / folder / "options.csv"
        found, rows = tables(path), plain_rows(path)
        held = found[QUARANTINE].to_pandas()
        refused = set(held["source_row"])
        assert held["reason"].value_counts().to_dict() == reasons
        kept = [row for line, row in enumerate(rows, 2) if line not in refused]
        table = found["option_quotes"].to_pandas()
        for name, column in {
            "bid": "bid",
            "ask": "ask",
            "vendor_delta": "delta",
            "vendor_vega": "vega",
        }.items():
            written = np.array([float(row[column]) for row in kept])
            if name == "ask":
                written[(written == 0.0)] = np.nan
            np.testing.assert_array_equal(table[name], written)


@pytest.mark.slow
def test_real_vols_and_deltas_are_the_vendors_when_time_goes_by_the_settlement_of_the_root(shared, tables):
    """On 2019-05-24 the chain's underlying price is the session's close, so its time is known."""
    table = tables(shared / "options" / "spx_chains_2019" / "SPX_20190524.csv.gz")[
        "option_quotes"
    ].to_pandas()
    gaps = []
    for (root, expiry), slice_ in table.groupby(["root", "expiry"]):
        calls, puts = (slice_[slice_["right"] == right].set_index("strike") for right in (1, -1))
        both = calls.index.intersection(puts.index)
        quotes = (side.loc[both, name].to_numpy() for side in (calls, puts) for name in ("bid", "ask"))
        found = parity_forward(both.to_numpy(), *quotes)
        hours = {"am": "9h30min", "pm": "16h"}[slice_["settlement"].iloc[0]]
        end = pd.Timestamp(expiry).tz_localize("America/New_York") + pd.Timedelta(hours)
        time = (end - slice_["event_time"].iloc[0]) / pd.Timedelta(days=365)
        if not 20 / 365 < time < 200 / 365:
            continue
        otm = slice_[((slice_["right"] == 1) == (slice_["strike"] >= found.forward)) & (slice_["bid"] > 0.5)]
        middle = 0.5 * (otm["bid"] + otm["ask"]).to_numpy()
        strike, right, rate = (
            otm["strike"].to_numpy(),
            otm["right"].to_numpy(float),
            -np.log(found.discount) / time,
        )
        vol = implied_vol(right, middle, found.forward, strike, time, rate)
        call = black.delta("call", found.forward, strike, time, vol)
        delta = np.where(right > 0, call, call - 1.0)
        gaps.append(
            {
                "root": root,
                "vol": np.nanmedian(np.abs(vol - otm["vendor_vol"])),
                "share": abs(np.nanmedian(vol / otm["vendor_vol"]) - 1.0),
                "delta": np.nanmedian(np.abs(delta - otm["vendor_delta"])),
            }
        )
    largest = pd.DataFrame(gaps).groupby("root").max()
    assert set(largest.index) == {"SPX", "SPXW"}
    assert (largest["vol"] < 3e-4).all()
    assert (largest["delta"] < 3e-3).all()
    # Settled at the close instead, SPX's vols of the next month would be half a percent lower.
    assert largest.loc["SPX", "share"] < 1e-3
