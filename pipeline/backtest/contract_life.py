"""The life of one American option: from the day it is dealt to exercise, its last quote or its expiry."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.features.contract_marks import dividends_of, option_of
from pipeline.pricing.american import AmericanOption, Dividends
from pipeline.pricing.american_path import day_numbers

Ending = Literal["exercised", "expired", "closed"]
CHECKED: Final = ["session", "ex_date", "dividend", "spot", "mid", "value", "time_value", "exercised"]


@dataclass(frozen=True)
class ContractLife:
    """One option over E steps between E + 1 sessions, in money of the data.

    Attributes
    ----------
    option : what it is.
    sessions : [E+1] days, the first the one it is dealt on.
    spot : [E+1] closes as quoted.
    vol : [E+1] implied volatility, the last one where a session has none.
    value : [E+1] what one option is worth: its mid, the model's value at `vol` where there is no quote, and
        in the last session what the end pays.
    quoted : [E+1] whether the mid is a quote.
    paid : [E] dividend a share that goes ex in the session at the end of each step.
    entry, exit : money an option at the start, and at the end, for its holder.
    ending : how it ends.
    delivered : shares that its holder gets at the end, 1, 0 or −1, with the strike paid.
    expected : the dividends expected in each session, by day number.
    checks : the evenings on which exercise was considered, see `CHECKED`.
    """

    option: AmericanOption
    sessions: pd.DatetimeIndex
    spot: FloatArray
    vol: FloatArray
    value: FloatArray
    quoted: NDArray[np.bool_]
    paid: FloatArray
    entry: float
    exit: float
    ending: Ending
    delivered: float
    expected: dict[int, Dividends]
    checks: pd.DataFrame

    @property
    def days(self) -> NDArray[np.datetime64]:
        """[E+1] the sessions as dates."""
        return np.asarray(self.sessions.to_numpy().astype("datetime64[D]"))

    @property
    def steps(self) -> int:
        """E."""
        return len(self.sessions) - 1


def contract_life(
    desk: ContractDesk,
    contract: pd.DataFrame,
    marks: pd.DataFrame,
    expected: pd.DataFrame,
    dividends: pd.DataFrame,
) -> ContractLife:
    """Follow the contract from its first day with a bid and an ask on or after `windows.test_start`.

    On every evening, that of the deal too, its holder exercises where that is worth more than to hold on
    (`AmericanOption.exercised`), at the volatility of the day: a short option is then assigned, a long one
    exercised by the desk. What is exercised or expires in the money is settled in shares.

    Parameters
    ----------
    desk : settings.
    contract, marks, expected : of `features.contract_marks.contract_matrix`.
    dividends : of `ingest.cash_dividends`: what was paid.

    Raises
    ------
    DataError
        There is no such day, the bars end before the contract does, or its holder exercises it on the
        evening that it is dealt on.
    """
    option = option_of(contract, desk.market.rate)
    first, last = _span(desk, marks, option)
    alive = marks.iloc[first : last + 1].reset_index(drop=True)
    sessions = pd.DatetimeIndex(alive["session"])
    spot, mid = alive["spot"].to_numpy(np.float64), alive["mid"].to_numpy(np.float64)
    vol = alive["implied_vol"].ffill().to_numpy(np.float64)
    known = {
        int(day_numbers(np.array([day], "datetime64[D]"))[0]): dividends_of(expected, day) for day in sessions
    }
    schedule = [known[int(day)] for day in day_numbers(sessions.to_numpy())]
    end, checks = _exercise(option, sessions, spot, vol, mid, schedule)
    if end == 0:
        raise DataError(
            f"the contract is exercised on {sessions[0].date()}, the evening it would be dealt on: "
            "nothing is left to hedge; set windows.test_start later"
        )
    kept = alive.iloc[: end + 1]
    ending, leave, delivered = _end(desk, option, kept, bool(len(checks) and checks["exercised"].iloc[-1]))
    value = _values(option, kept, vol, schedule)
    value[-1] = leave
    gone = dividends.set_index("ex_date")["amount"].reindex(sessions[: end + 1]).fillna(0.0).to_numpy()
    return ContractLife(
        option=option,
        sessions=sessions[: end + 1],
        spot=spot[: end + 1],
        vol=vol[: end + 1],
        value=value,
        quoted=np.isfinite(mid[: end + 1]),
        paid=gone[1:],
        entry=float(alive["bid" if desk.option.side == "short" else "ask"].iloc[0]),
        exit=leave,
        ending=ending,
        delivered=delivered,
        expected=known,
        checks=checks,
    )


def _end(
    desk: ContractDesk, option: AmericanOption, kept: pd.DataFrame, exercised: bool
) -> tuple[Ending, float, float]:
    """Return how the option ends in the last row, what its holder gets for it, and how many shares."""
    last = kept.iloc[-1]
    leave = float(option.intrinsic(last["spot"]))
    if not exercised and np.datetime64(last["session"].date(), "D") != option.expiry:
        return "closed", float(last["ask" if desk.option.side == "short" else "bid"]), 0.0
    sign = 1.0 if option.right == "call" else -1.0
    return "exercised" if exercised else "expired", leave, sign if leave > 0.0 else 0.0


def _values(
    option: AmericanOption, kept: pd.DataFrame, vol: FloatArray, schedule: list[Dividends]
) -> FloatArray:
    """Return [E+1] the mids, and where there is none the model's value."""
    days = kept["session"].to_numpy().astype("datetime64[D]")
    rows = zip(kept["mid"], days, kept["spot"], vol, schedule, strict=False)
    return np.array(
        [
            mid if np.isfinite(mid) else option.greeks(day, spot, own, coming).price
            for mid, day, spot, own, coming in rows
        ]
    )


def _span(desk: ContractDesk, marks: pd.DataFrame, option: AmericanOption) -> tuple[int, int]:
    """Return the first and the last row that the contract is held in, exercise aside."""
    days = pd.DatetimeIndex(marks["session"])
    start, end = (pd.Timestamp(day) for day in (desk.windows.test_start, desk.windows.test_end))
    sound = marks["mid"].notna() & marks["implied_vol"].notna()
    inside = np.flatnonzero(sound & (days >= start) & (days <= end))
    if len(inside) < 2:
        raise DataError(
            f"the contract has quotes of both sides on {len(inside)} days from windows.test_start "
            f"{start.date()} to windows.test_end {end.date()}, two are needed: its first is {days[0].date()}"
        )
    if desk.option.until == "last_quote":
        return int(inside[0]), int(inside[-1])
    expiry = pd.Timestamp(option.expiry)
    last = int(days.searchsorted(expiry, side="right")) - 1
    if days[last] != expiry or end < expiry:
        raise DataError(
            f"the contract expires on {expiry.date()}: the bars reach {days[-1].date()} and windows.test_end "
            f'is {end.date()}; give both further, or set option.until = "last_quote"'
        )
    return int(inside[0]), last


def _exercise(
    option: AmericanOption,
    sessions: pd.DatetimeIndex,
    spot: FloatArray,
    vol: FloatArray,
    mid: FloatArray,
    schedule: list[Dividends],
) -> tuple[int, pd.DataFrame]:
    """Return the session that the option ends in, and the evenings before ex-dates or of exercise."""
    rows, days = [], sessions.to_numpy().astype("datetime64[D]")
    for k in range(len(sessions) - 1):
        ex = days[k + 1]
        paid = float(schedule[k].between(days[k], ex).amounts.sum())
        taken = option.exercised(days[k], spot[k], vol[k], schedule[k], ex)
        if not (paid or taken):
            continue
        value = option.greeks(days[k], spot[k] - paid, vol[k], schedule[k].between(ex, option.expiry)).price
        time_value = value - float(option.intrinsic(spot[k] - paid))
        rows.append((sessions[k], sessions[k + 1], paid, spot[k], mid[k], value, time_value, taken))
        if taken:
            return k, pd.DataFrame(rows, columns=CHECKED)
    return len(sessions) - 1, pd.DataFrame(rows, columns=CHECKED)
