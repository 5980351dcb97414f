"""A hedger that learned from the quotes of real options alone, walk-forward, on the chains of 2019.

Every S&P 500 option of the chains of 2019-04-25 to 07-22 with |delta| from .05 to .95 and two weeks or more
to expiry, from one day with quotes to the next, mid to mid against the parity forward of its own expiry: the
gain is 1 − SSE/SSE of Black–Scholes' delta, pooled, with the interval of a bootstrap of whole days. Networks
(`deep.quotes_task`) are trained before every fifth day on the pairs that have ended before it, from delta;
three seeds are averaged. They see the option's delta alone, as Hull and White's slope does; all columns of
the option; these and the market of the day; or these along a week, read by a GRU (Nian, Coleman, Li 2021).
One more starts from the share of the volatility index's slope that the same days tell. Beside them stand the
slopes of the chain's report (`evaluate.slope_gain`).

The settings were chosen on the days up to 2019-06-07, which stand apart; docs/research.md counts the looks at
the days since.

`python -m benchmarks.run deep_quotes`, or `python -m benchmarks.deep_quotes chosen` for the days of the
choice alone; needs ../shared/data; four minutes of processor time.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.measurement import Measurement
from benchmarks.shared_data import shared
from pipeline.backtest.chain_panel import ChainPanel, chain_panel
from pipeline.backtest.contract_moves import explained, share_of
from pipeline.backtest.index_moves import history_slopes
from pipeline.backtest.quote_sight import SeenMoves, seen_moves
from pipeline.deep.best_kept import BestKept
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.quotes_task import QuotesTask, learned_slopes
from pipeline.deep.training import train
from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.desk_file import load_any
from pipeline.domain.instruments import FloatArray
from pipeline.evaluate.slope_gain import PRIOR_SHARE, slope_gains
from pipeline.features.chain_matrix import chain_matrix
from pipeline.ingest import chain_files
from pipeline.ingest.pieces import InMemory
from pipeline.policies.minimum_variance import Coefficients
from pipeline.policies.slope_share import shrunk

JUDGED = pd.Timestamp("2019-06-10")
"""The first day that chose nothing."""
REFIT, SEEDS, WEEK, UNITS = 5, (1, 2, 3), 5, 8
PRIOR_DAYS = 10.0
PLAN = TrainingPlan(steps=100, paths=1024, learning_rate=0.003, hidden=(16, 16), save_every=10)
Slopes = tuple[Coefficients, Coefficients]


@dataclass(frozen=True)
class Hedger:
    """What a network sees, and what it starts from.

    `own` columns of the option, the market or not, `days` of it in a memory of `recurrent` units; from delta,
    or from the shrunk share of the index's slope.
    """

    own: int
    market: bool = False
    days: int = 1
    recurrent: int = 0
    from_index: bool = False


HEDGERS = {
    "delta_alone": Hedger(own=1),
    "option": Hedger(own=4),
    "no_history": Hedger(own=4, market=True),
    "recurrent": Hedger(own=4, market=True, days=WEEK, recurrent=UNITS),
    "recurrent_from_index": Hedger(own=4, market=True, days=WEEK, recurrent=UNITS, from_index=True),
}


def chain() -> tuple[ChainPanel, SeenMoves, Slopes, int]:
    """Return the chain, its changes as they are seen, the index's slopes, and the desk's first tested day."""
    desk = load_any("spx-chain")
    assert isinstance(desk, ChainDesk)
    data = desk.data.model_copy(update={"folder": str(shared("options", "spx_chains_2019"))})
    pieces = InMemory()
    market = chain_files.load_chains(data, chain_files.content_of(data), pieces)
    tables = chain_matrix(market, data.underlying, pieces)
    panel = chain_panel(tables["quoted"])
    history = tables["features"][["session", "implied_vol"]].assign(close=market["bars"]["close"].to_numpy())
    prior = history_slopes(history, panel.days[0], desk.market.atm_ratio)
    first = int(panel.days.searchsorted(pd.Timestamp(desk.windows.test_start)))
    return panel, seen_moves(panel, tables["surface"]), prior, first


def walked(seen: SeenMoves, first: int, explain: Callable[[SeenMoves, SeenMoves], FloatArray]) -> FloatArray:
    """Return what is explained of every pair from day `first` on, [P] money, 0 before.

    `explain` is given the pairs that have ended before a window, and those of the window.
    """
    day, found = seen.moves.day, np.zeros(len(seen.moves.day))
    for start in range(first, int(day.max()) + 1, REFIT):
        tested = (day >= start) & (day < start + REFIT)
        found[tested] = explain(seen.where(day + 1 < start), seen.where(tested))
    return found


def learned(hedger: Hedger, prior: Slopes) -> Callable[[SeenMoves, SeenMoves], FloatArray]:
    """Return what networks explain, trained on the pairs that have ended."""

    def narrow(seen: SeenMoves) -> SeenMoves:
        width = seen.market.shape[1] if hedger.market else 0
        return replace(seen, own=seen.own[:, : hedger.own], market=seen.market[:, :width])

    def explain(ended: SeenMoves, now: SeenMoves) -> FloatArray:
        ended, now = narrow(ended), narrow(now)
        begun: FloatArray | float = 0.0
        if hedger.from_index:
            whole = explained(ended.moves, *prior)
            share = shrunk(share_of(ended.moves, whole), PRIOR_SHARE)
            ended = replace(ended, moves=replace(ended.moves, excess=ended.moves.excess - share * whole))
            begun = share * explained(now.moves, *prior)
        task = QuotesTask(seen=ended, days=hedger.days, recurrent=hedger.recurrent, prior_days=PRIOR_DAYS)
        slopes = [
            learned_slopes(train(BestKept(task, replace(PLAN, seed=seed))).learned, now, hedger.days)
            for seed in SEEDS
        ]
        return begun + now.moves.scale * np.mean(slopes, axis=0)

    return explain


def quadratic(ended: SeenMoves, now: SeenMoves) -> FloatArray:
    """Return what Hull and White's a + bΔ + cΔ² explains, fitted on the networks' loss in closed form."""
    task = QuotesTask(seen=ended, prior_days=PRIOR_DAYS)
    design, scale = (_powers(ended), ended.moves.scale)
    each = task.weight * scale**2 + PRIOR_DAYS / len(task.known_days)
    gram = design.T @ (design * each[:, None])
    slope = np.linalg.solve(gram, design.T @ (task.weight * scale * ended.moves.excess))
    return now.moves.scale * (_powers(now) @ slope)


def _powers(seen: SeenMoves) -> FloatArray:
    return seen.own[:, :1] ** np.arange(3)


def measure(*, chosen_alone: bool = False) -> Iterator[Measurement]:
    """Walk every hedger; print all gains, and yield those of the networks on the days that chose nothing."""
    panel, seen, prior, first = chain()
    judged = int(panel.days.searchsorted(JUDGED))
    if chosen_alone:
        seen = seen.where(seen.moves.day < judged)
    with threadpool_limits(limits=1):
        told = {"quadratic": walked(seen, first, quadratic)}
        told |= {name: walked(seen, first, learned(hedger, prior)) for name, hedger in HEDGERS.items()}
    spans = {"days of the choice": (first, judged), "days since": (judged, len(panel.days))}
    for span, (begin, end) in list(spans.items())[: 1 if chosen_alone else 2]:
        inside = seen.moves.day < end
        others = {name: fit[inside] for name, fit in told.items()}
        table = slope_gains(seen.moves.where(inside), begin, prior, others=others).table
        print(f"\n{span}, {panel.days[begin].date()} on:\n{_shown(table)}", flush=True)
    if chosen_alone:
        return
    rows = table[table["options"] == "all"].set_index("slope")
    for name in told:
        row = rows.loc[name]
        detail = {key: 100.0 * float(row[key]) for key in ("low", "high", "worst_days_share")}
        detail |= {
            slope: 100.0 * float(rows.loc[slope, "gain"]) for slope in ("chain", "shrunk", "in_sample")
        }
        detail |= {"days": int(row["days"]), "pairs": int(row["pairs"])}
        yield Measurement(f"deep_quotes.gain_{name}", "%", 100.0 * float(row["gain"]), detail=detail)


def _shown(table: pd.DataFrame) -> str:
    shares = ["gain", "low", "high", "worst_days_share"]
    return table.assign(**{name: (100.0 * table[name]).round(1) for name in shares}).to_string(index=False)


if __name__ == "__main__":
    for _ in measure(chosen_alone=sys.argv[1:] == ["chosen"]):
        pass
