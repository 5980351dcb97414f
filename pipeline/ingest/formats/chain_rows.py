"""End-of-day option chains, a contract and day a row: what the formats of several vendors share."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.ingest.chain_unit import in_another_unit
from pipeline.ingest.delimited import delimited
from pipeline.ingest.end_of_day import STALE_COPY, end_of_day
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.line_screen import LineScreen
from pipeline.ingest.market_tables import Batch
from pipeline.ingest.option_contract import AM, Contracts, contracts, days
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.repeats import Repeats
from pipeline.ingest.strike_order import out_of_order

COLUMNS: Final = (
    "underlying", "underlying_last", "optionroot", "type", "expiration", "quotedate", "strike", "bid", "ask",
    "volume", "openinterest", "impliedvol", "delta", "gamma",
)  # fmt: skip
RIGHTS: Final = {"call": 1, "put": -1}
LARGEST_DIFFERENCE: Final = 0.05
"""By which the underlying's price in a row may differ from the median of the rows of its day."""
_FIGURES: Final = {"impliedvol": "vol", "delta": "delta", "gamma": "gamma", "theta": "theta", "vega": "vega"}


def chain_rows(file: RawStream, terms: Terms, required: tuple[str, ...] = COLUMNS) -> Iterator[Batch]:
    """Yield `option_quotes` of a chain.

    A bid of 0 says that nobody bids, and stays 0; an ask of 0 says that nobody offers, and is NaN. Held are
    quotes dated on a day without a session (a holiday's file repeats the session before), locked and crossed
    quotes, bids and mids that no option can be worth or that the strikes beside them cannot stand with, rows
    whose underlying costs something else than in the other rows of the day, quotes in another unit than their
    strike and their underlying, rows whose contract name says otherwise than their columns, contracts twice
    on a day, and quotes of the day on whose open the contract had settled. Rows are held against those of
    their block of about a megabyte.

    Raises
    ------
    DataError
        The file is missing, damaged, or lacks a column.
    """
    contracts_seen, quotes_seen = Repeats(), Repeats()
    for lines in delimited(file, required=required):
        screen = LineScreen(lines)
        said = contracts(screen.text("optionroot"))
        day = days(screen.text("quotedate"))
        screen.refuse(np.isnat(day), "not a date: quotedate")
        columns = {
            "underlying": screen.text("underlying"),
            "root": said.root,
            "settlement": said.settlement,
            "exercise": said.exercise,
            **_contract(screen, said),
        }
        when = end_of_day(day, terms.known_lag_seconds)
        screen.refuse(~when.sound, STALE_COPY)
        settled = (said.settlement == AM) & (said.expiry == day)
        screen.refuse(settled, "quoted after it had settled at the open")
        columns |= _quote(screen, said)
        keys = pc.binary_join_element_wise(screen.text("optionroot"), screen.text("quotedate"), "|")
        contract = _hashed(keys)
        again = contracts_seen.seen(contract, screen.sound)
        alike = quotes_seen.seen(_with_quote(contract, columns), screen.sound)
        screen.refuse(again & ~alike, "its contract has been, told otherwise")
        screen.refuse(again, "duplicate: its contract has been")
        columns |= {"event_time": when.event_time, "known_time": when.known_time}
        _refuse_against_others(screen, columns, day, said)
        yield from screen.batches("option_quotes", file.name, columns)


def _refuse_against_others(
    screen: LineScreen, columns: dict[str, Any], day: NDArray[np.datetime64], said: Contracts
) -> None:
    """Hold quotes, and prices of the underlying, that the other rows of their day contradict."""
    of_day = _numbered(day.astype(np.int64), columns["underlying"])
    price = pd.Series(np.where(screen.sound, columns["underlying_price"], np.nan))
    usual = price.groupby(of_day).transform("median").to_numpy()
    with np.errstate(invalid="ignore"):
        differs = np.abs(price.to_numpy() - usual) > LARGEST_DIFFERENCE * usual
    screen.refuse(differs, "underlying_price differs from the other rows of its day")
    bid, ask = (np.where(screen.sound, columns[name], np.nan) for name in ("bid", "ask"))
    chain = _numbered(of_day, said.root, said.expiry.astype(np.int64))
    wrong = out_of_order(chain, said.right, said.strike, bid, ask)
    screen.refuse(wrong, "against the quotes of the strikes beside it")
    bid, ask = (np.where(wrong, np.nan, columns[name]) for name in ("bid", "ask"))
    wrong = in_another_unit(chain, said.right, said.strike, bid, ask, columns["underlying_price"])
    screen.refuse(wrong, "in another unit than its strike and its underlying")


def _numbered(*keys: object) -> NDArray[np.int64]:
    """Return [rows] a number for every combination of keys."""
    found: NDArray[np.int64] = (
        pd.DataFrame({str(place): np.asarray(key) for place, key in enumerate(keys)})
        .groupby([str(place) for place in range(len(keys))])
        .ngroup()
        .to_numpy()
        .astype(np.int64)
    )
    return found


def _contract(screen: LineScreen, said: Contracts) -> dict[str, object]:
    """Return strike, expiry and right, told twice in a row: by its columns and by the contract's name."""
    screen.refuse(~said.sound, "not the name of an option: optionroot")
    strike, expiry = screen.numbers("strike"), days(screen.text("expiration"))
    right = screen.codes("type", RIGHTS)
    screen.refuse(np.isnat(expiry), "not a date: expiration")
    other = (np.abs(strike - said.strike) > 5e-4) | (expiry != said.expiry) | (right != said.right)
    screen.refuse(other, "its contract name says otherwise")
    return {"strike": strike, "expiry": pa.array(expiry), "right": right}


def _quote(screen: LineScreen, said: Contracts) -> dict[str, object]:
    underlying = screen.numbers("underlying_last")
    screen.refuse(~(underlying > 0.0), "underlying_price not above zero")
    bid, ask = screen.numbers("bid"), screen.numbers("ask")
    screen.refuse((bid == ask) & (bid > 0.0), "locked quote")
    most = np.where(said.right > 0, underlying, said.strike)
    screen.refuse(bid > most, "bid above what the option can be worth")
    screen.refuse(0.5 * (bid + ask) > most, "mid above what the option can be worth")
    counts = {}
    for name in ("volume", "openinterest"):
        counts[name] = screen.numbers(name, optional=True)
        screen.refuse(counts[name] < 0.0, f"negative {name}")
    return {
        "bid": bid,
        "ask": np.where((ask == 0.0) & (bid == 0.0), np.nan, ask),
        "bid_size": np.nan,
        "ask_size": np.nan,
        "volume": counts["volume"],
        "open_interest": counts["openinterest"],
        "underlying_price": underlying,
        **{f"vendor_{name}": _figure(screen, column) for column, name in _FIGURES.items()},
    }


def _figure(screen: LineScreen, column: str) -> NDArray[np.float64]:
    if column not in screen.lines.columns:
        return np.full(len(screen.lines), np.nan)
    return screen.numbers(column, optional=True)


def _with_quote(contract: NDArray[np.int64], columns: dict[str, Any]) -> NDArray[np.int64]:
    """Return [rows] a number for a contract and its quote."""
    told = pd.DataFrame({"contract": contract, "bid": columns["bid"], "ask": columns["ask"]})
    return np.asarray(pd.util.hash_pandas_object(told, index=False), dtype=np.uint64).view(np.int64)


def _hashed(keys: pa.Array) -> NDArray[np.int64]:
    return pd.util.hash_array(np.array(keys.to_pylist(), dtype=object)).view(np.int64)
