"""The cost–risk frontier of every hedger on S&P 500 closes, 2008–2024: seconds from features to table.

The desk is the shipped one on the files of `real_days.close_bars`, refitted every year, all policies. Counted
are the walk-forward regimes and forecasts, made anew, and fifteen times fitting and hedging; ingest and
features come before. Both parts are told apart.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from threadpoolctl import threadpool_limits

from benchmarks.measurement import Measurement
from benchmarks.real_days import SETS, desk_of
from benchmarks.shared_data import shared
from pipeline.backtest.episodes import build_episodes
from pipeline.backtest.folds import walk_forward_folds
from pipeline.backtest.frontier import aversions, frontier
from pipeline.backtest.signals import learn_signals
from pipeline.domain.desk import load_desk
from pipeline.features.assemble import assemble
from pipeline.ingest.sources import load_tables
from pipeline.policies.catalogue import desk_policies

AVERSIONS = 15


def measure() -> Iterator[Measurement]:
    """Learn, fit and hedge once."""
    shared("daily", "spx_close_2008_2024.csv")
    with TemporaryDirectory() as folder, threadpool_limits(limits=1):
        desk = desk_of("closes", SETS["closes"], Path(folder))
        desk = desk.model_copy(update={"policies": load_desk("spx-daily").policies})
        market = load_tables(desk.data)
        features = assemble(market["bars"], market["implied_vol"])
        started = perf_counter()
        sessions = learn_signals(desk.for_signals(), market, features)["signals"]
        learned = perf_counter() - started
        episodes = build_episodes(desk, sessions)
        folds, policies = walk_forward_folds(desk, sessions, episodes), desk_policies(desk)
        by_window = {fold.window: policies for fold in folds}
        table = frontier(desk, episodes, folds, by_window, aversions(desk, AVERSIONS))
        taken = perf_counter() - started
    moving = table.loc[table["moves"], "policy"].unique()
    facts = {
        "episodes": len(episodes.start),
        "tested": sum(len(fold.test) for fold in folds),
        "windows": len(folds),
        "policies": len(policies),
        "policies_that_move": len(moving),
        "aversions": AVERSIONS,
    }
    yield Measurement("frontier.seconds", "s", taken, detail=facts)
    yield Measurement("frontier.signals_seconds", "s", learned)
    yield Measurement("frontier.hedging_seconds", "s", taken - learned)
    print(table[table["policy"].isin(moving)].round(2).to_string(index=False))
