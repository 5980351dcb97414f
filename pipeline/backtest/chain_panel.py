"""An option chain over days as arrays: a row a contract, a column a day that has quotes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray

CONTRACT = ["root", "expiry", "right", "strike"]
SMILE = ["root", "expiry", "strike"]


@dataclass(frozen=True)
class ChainPanel:
    """C contracts over D days; [C, D] arrays are NaN where a contract has no such figure on a day.

    Attributes
    ----------
    contracts : [C] `root`, `expiry` (midnight), `settlement`, `right` (1 call, −1 put), `strike`.
    days : [D] sessions with quotes, naive midnights, ascending.
    bid, ask : quotes in money; a bid of 0 is nobody's bid.
    mid : their middle, NaN without a bid.
    vol : implied volatility of the out-of-the-money side at the contract's strike: a call and a put have one.
    forward, discount : of the contract's own expiry, from put-call parity.
    time : years to settlement.
    """

    contracts: pd.DataFrame
    days: pd.DatetimeIndex
    bid: FloatArray
    ask: FloatArray
    mid: FloatArray
    vol: FloatArray
    forward: FloatArray
    discount: FloatArray
    time: FloatArray

    @property
    def right(self) -> NDArray[np.int64]:
        """[C] 1 for calls, −1 for puts."""
        return self.contracts["right"].to_numpy(np.int64)

    @property
    def strike(self) -> FloatArray:
        """[C] money."""
        return self.contracts["strike"].to_numpy(np.float64)


def chain_panel(quoted: pd.DataFrame) -> ChainPanel:
    """Return the quotes of `features.option_expiries.with_implied_vols`, of all days together, as a panel.

    Days without quotes (missing sessions, and holiday copies, which are in quarantine) have no column, so
    nothing is traded on them.
    """
    rows = quoted.assign(expiry=pd.to_datetime(quoted["expiry"]))
    day = rows["event_time"].dt.tz_convert("America/New_York").dt.tz_localize(None).dt.normalize()
    days = pd.DatetimeIndex(np.sort(day.unique()))
    place = days.searchsorted(day)
    contracts = rows[[*CONTRACT, "settlement"]].drop_duplicates(CONTRACT).sort_values(CONTRACT)
    contracts = contracts.reset_index(drop=True)
    row = _codes(contracts, rows, CONTRACT)
    shape = (len(contracts), len(days))

    def spread(of: FloatArray, at: tuple[NDArray[np.int64], NDArray[np.int64]]) -> FloatArray:
        found = np.full(shape, np.nan)
        found[at] = of
        return found

    whole = (row, place)
    own = {
        name: spread(rows[name].to_numpy(np.float64), whole)
        for name in ("bid", "ask", "mid", "forward", "discount")
    }
    time = spread(rows["time_to_expiry"].to_numpy(np.float64), whole)
    return ChainPanel(contracts, days, **own, time=time, vol=_by_strike(contracts, rows, place, len(days)))


def _codes(contracts: pd.DataFrame, rows: pd.DataFrame, key: list[str]) -> NDArray[np.int64]:
    index = pd.MultiIndex.from_frame(contracts[key])
    return np.asarray(index.get_indexer(pd.MultiIndex.from_frame(rows[key])), dtype=np.int64)


def _by_strike(
    contracts: pd.DataFrame, rows: pd.DataFrame, place: NDArray[np.int64], days: int
) -> FloatArray:
    smiles = contracts[SMILE].drop_duplicates().reset_index(drop=True)
    out = ((rows["right"] > 0) == (rows["strike"] >= rows["forward"])).to_numpy()
    found = np.full((len(smiles), days), np.nan)
    found[_codes(smiles, rows[out], SMILE), place[out]] = rows.loc[out, "implied_vol"].to_numpy(np.float64)
    return np.asarray(found[_codes(smiles, contracts, SMILE)])
