"""Options dealt on given paths, and hedges of the same ones side by side with paired intervals."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.real_days import METRIC, changes
from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.ledger import Ledger, Market
from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.desk import Desk
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.evaluate.bootstrap import effective_episodes, stationary_indices
from pipeline.evaluate.metrics import sample_metrics
from pipeline.evaluate.panel import MEASURED, EpisodePanel
from pipeline.pricing import book


def dealt(
    desk: Desk,
    price: FloatArray,
    left: FloatArray,
    vol: FloatArray,
    bps: float,
    regime_prob: FloatArray | None = None,
) -> tuple[MarketState, Market]:
    """Return the desk's option dealt on N stretches of history, the price scaled to 100 at the deal.

    `price` is [N, T+1], years `left` to expiry and volatility `vol` at the decisions [N, T]; hedged in what
    `price` is of, at `bps` one way, without interest.
    """
    paths = START_SPOT * price / price[:, :1]
    liability, strike = Liability.of(desk.option.kind, desk.option.side), START_SPOT * desk.option.moneyness
    state, market = simulated_episodes(
        paths,
        vol,
        liability,
        strike=strike,
        interval=float(np.mean(left[:, 0])) / left.shape[1],
        cost=bps * 1e-4,
        risk_aversion=desk.risk.aversion,
        regime_prob=regime_prob,
    )
    premium = -book.value(liability, paths[:, 0], strike, left[:, 0], vol[:, 0])
    return replace(state, time_to_expiry=left), replace(market, premium=premium)


def panel_of(
    ledgers: Mapping[str, Ledger],
    dates: pd.DatetimeIndex,
    start: NDArray[np.int64],
    market_return: FloatArray,
) -> EpisodePanel:
    """Put the books of the same episodes, [N] started in rows `start` of `dates`, side by side."""
    stacked = {name: np.stack([getattr(each, name) for each in ledgers.values()]) for name in MEASURED}
    calm = np.zeros(len(start), dtype=np.int64)
    return EpisodePanel(tuple(ledgers), dates[start], start, calm, market_return, **stacked)


def show(title: str, panel: EpisodePanel, rivals: Mapping[str, str], desk: Desk) -> None:
    """Print every policy's figures and its change, in bps, against the rival that is named for it."""
    evaluation, life = desk.evaluation, desk.option.sessions
    indices = stationary_indices(panel.size, evaluation.block_sessions, evaluation.resamples, desk.seed)
    sampled = sample_metrics(panel, indices, desk.risk)
    table = pd.DataFrame(
        {name: sampled.point[metric] for name, metric in METRIC.items()}, index=list(panel.policies)
    ).map("{:+.2f}".format)
    for policy, rival in rivals.items():
        for name, metric in METRIC.items():
            point, low, high = changes(sampled, policy, rival, metric, relative=False)
            table.loc[policy, f"{name} less {rival}"] = f"{point:+.2f} [{low:+.2f}, {high:+.2f}]"
    print(
        f"\n{title}: {panel.size} starts, {effective_episodes(panel.session, life)} that do not overlap, bps"
    )
    for rival in ("", *dict.fromkeys(rivals.values())):
        of_rival = [name for name in table if name.partition(" less ")[2] == rival]
        shown = table[of_rival].dropna().rename(columns=lambda name: str(name).partition(" less ")[0])
        print(f"{'against ' + rival if rival else 'as they came'}\n{shown.to_string()}", flush=True)
