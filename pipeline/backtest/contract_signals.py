"""What the hedgers of one contract are given: signals learned on the history of its share."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.backtest.signals import learn_signals
from pipeline.domain.contract_desk import ContractDesk
from pipeline.ingest.contract_files import CLOSES, DIVIDENDS
from pipeline.ingest.pieces import Pieces, anew

SESSIONS_A_YEAR = 252.0


def learn_contract(
    desk: ContractDesk,
    market: Mapping[str, pd.DataFrame],
    features: Mapping[str, pd.DataFrame],
    pieces: Pieces = anew,
) -> dict[str, pd.DataFrame | bytes]:
    """Learn regimes and forecasts on the history, and keep the contract's marks beside them.

    Returns
    -------
    Tables of `signals.learn_signals`; `contract`, `marks` and `expected` of `features.contract_marks`;
    `dividends` and `closes` of the market; and `level` (`ratio`), see `index_ratio`.
    """
    learned = learn_signals(desk.of_history(), market, features, pieces)
    ratio = index_ratio(desk, market["bars"], features["features"])
    kept = {name: features[name] for name in ("contract", "marks", "expected")}
    kept |= {name: market[name] for name in (DIVIDENDS, CLOSES)}
    return {**learned, **kept, "level": pd.DataFrame({"ratio": [ratio]})}


def index_ratio(desk: ContractDesk, bars: pd.DataFrame, features: pd.DataFrame) -> float:
    """Return the volatility of the share over the index of volatility, before the contract is dealt.

    √(252 · mean r² / mean VIX²) over the sessions from `windows.signals_start` to the one before
    `windows.test_start`: at its level the training options are marked.
    """
    session = bars["session"]
    learned = (session > pd.Timestamp(desk.windows.signals_start)) & (
        session < pd.Timestamp(desk.windows.test_start)
    )
    returns = np.log(bars["close"]).diff()[learned].to_numpy(np.float64)
    index = features["implied_vol"][learned].to_numpy(np.float64)
    return float(np.sqrt(SESSIONS_A_YEAR * np.mean(returns**2) / np.nanmean(index**2)))
