"""What the quotes of a listed American option say on each session of its life."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import Right
from pipeline.features.assemble import assemble
from pipeline.ingest.cash_dividends import expected_dividends
from pipeline.ingest.contract_files import CLOSES, CONTRACT, DIVIDENDS, QUOTES
from pipeline.pricing.american import AmericanOption, Dividends

RIGHTS: Final[dict[int, Right]] = {1: "call", -1: "put"}


def contract_matrix(market: Mapping[str, pd.DataFrame], desk: ContractDesk) -> dict[str, pd.DataFrame]:
    """Return `features` of the history, `contract` (one row), `marks` and `expected` of its quotes.

    Parameters
    ----------
    market : the tables of `ingest.contract_files.load_contract`.
    desk : its constants, see `ContractDesk.for_marks`.

    Returns
    -------
    `marks`, one row a session from the first quote to the expiry or the end of the history: `session`,
    `spot` (close as quoted), `bid`, `ask`, `mid` and `implied_vol`, NaN where there is no quote of both sides
    or the mid says no volatility. `expected`, one row a session and dividend: `session`, `ex_date`, `amount`
    as expected in that session. `contract`: `option_quotes`' columns that say which it is.

    Raises
    ------
    DataError
        The history has no session of the contract's life, or the share is split within it.
    """
    quotes, dividends = market[QUOTES], market[DIVIDENDS]
    contract = quotes[CONTRACT].iloc[:1].reset_index(drop=True)
    option = option_of(contract, desk.market.rate)
    day = quotes["event_time"].dt.tz_convert("America/New_York").dt.tz_localize(None).dt.normalize()
    closes, expiry = market[CLOSES], pd.Timestamp(option.expiry)
    alive = closes[(closes["session"] >= day.min()) & (closes["session"] <= expiry)].reset_index(drop=True)
    if alive.empty:
        raise DataError(
            f"data.history has no session of {day.min().date()} to {expiry.date()}: give more bars"
        )
    _check_no_split(dividends, alive)
    sides = quotes.set_index(day)[["bid", "ask"]].reindex(alive["session"]).reset_index(drop=True)
    marks = pd.DataFrame({"session": alive["session"], "spot": alive["close"]}).join(sides)
    quoted = (marks["bid"] > 0.0) & marks["ask"].notna()
    marks["mid"] = (0.5 * (marks["bid"] + marks["ask"])).where(quoted)
    expected = _expected(dividends, marks["session"], expiry, desk.option.announced_days)
    marks["implied_vol"] = [
        option.implied_vol(
            row["mid"], _date(row["session"]), row["spot"], dividends_of(expected, row["session"])
        )
        for row in marks.to_dict("records")
    ]
    named = ("bars", "implied_vol", "vol_indices", "realized")
    history = assemble(**{name: market[name] for name in named if name in market})
    return {**history, "contract": contract, "marks": marks, "expected": expected}


def option_of(contract: pd.DataFrame, rate: float) -> AmericanOption:
    """Return the option of the table `contract`.

    Raises
    ------
    DataError
        It is not American.
    """
    row = contract.iloc[0]
    if row["exercise"] != "american":
        raise DataError(f"the contract is {row['exercise']}: a desk of kind contract hedges American ones")
    expiry = np.datetime64(pd.Timestamp(row["expiry"]).date(), "D")
    return AmericanOption(RIGHTS[int(row["right"])], float(row["strike"]), expiry, rate)


def dividends_of(expected: pd.DataFrame, session: pd.Timestamp) -> Dividends:
    """Return what the table `expected` says of one session."""
    rows = expected[expected["session"] == session]
    return Dividends(rows["ex_date"].to_numpy().astype("datetime64[D]"), rows["amount"].to_numpy(np.float64))


def _expected(
    dividends: pd.DataFrame, sessions: "pd.Series[pd.Timestamp]", expiry: pd.Timestamp, announced_days: int
) -> pd.DataFrame:
    tables = [
        expected_dividends(dividends, day, expiry, announced_days).assign(session=day) for day in sessions
    ]
    return pd.concat(tables, ignore_index=True)[["session", "ex_date", "amount"]]


def _check_no_split(dividends: pd.DataFrame, alive: pd.DataFrame) -> None:
    first, last = alive["session"].iloc[[0, -1]]
    inside = dividends[(dividends["ex_date"] > first) & (dividends["ex_date"] <= last)]
    split = inside[inside["split"] != 1.0]
    if len(split):
        raise DataError(
            f"the share is split on {split['ex_date'].iloc[0].date()}, within the contract's life: what the "
            "contract becomes is not in the data, so end windows.test_end before it with other quotes"
        )


def _date(day: pd.Timestamp) -> np.datetime64:
    return np.datetime64(day.date(), "D")
