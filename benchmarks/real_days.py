"""Hedging on real days, walk-forward, on three sets: what the flagship removes, at what cost, against whom.

S&P 500 bars with the full VIX history (2004-2018), SPY with its dividends (2004-2021) and S&P 500 closes
(2012-2024), each at 1 and 5 bp one way. Changes of SD and CVaR95 are against daily delta, differences of the
desk's risk against the constant shift tuned on the first window and frozen, and against the flagship without
regimes; 95 % intervals from the stationary bootstrap of start days, the same resamples for every policy.
Mean P&L, market beta and the figures without the starts of 2020-01-15 to 04-30 stand beside them.

`python benchmarks/real_days.py [SET ...]`; needs ../shared/data; ten minutes the first time, two with the
signals in the dataset store.
"""

import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipeline.backtest.comparison import run_backtest
from pipeline.backtest.episodes import build_episodes
from pipeline.backtest.ledger import book
from pipeline.backtest.signals import learn_signals
from pipeline.domain.data_settings import FilesData
from pipeline.domain.desk import Desk, load_desk
from pipeline.domain.home import Home
from pipeline.evaluate.bootstrap import percentile_interval, stationary_indices
from pipeline.evaluate.metrics import SampledMetrics, sample_metrics
from pipeline.evaluate.panel import EpisodePanel
from pipeline.features.assemble import assemble
from pipeline.ingest.sources import content_of, load_tables
from pipeline.ingest.store import Dataset, DatasetStore
from pipeline.policies.constant_shift import ConstantShift

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
VIX = {
    "file": SHARED / "volatility_indices" / "VIX_History.csv",
    "columns": {"date": "DATE", "implied_vol": "CLOSE"},
}
OHLCV = ("open", "high", "low", "close", "volume")
BOUNDARIES = ("learn_start", "signals_start", "test_start", "test_end")
COSTS = (1.0, 5.0)
FROZEN, PLAIN, FLAGSHIP = "frozen_shift", "regime_switched_no_regimes", "regime_switched"
POLICIES = ("constant_shift", "whalley_wilmott", "minimum_variance", FLAGSHIP)
CRASH = (pd.Timestamp("2020-01-15"), pd.Timestamp("2020-04-30"))
SHOWN = ("pnl_mean_bps", "pnl_sd_bps", "cvar95_bps", "risk_bps", "cost_bps")


@dataclass(frozen=True)
class DaySet:
    """A desk on real days: `bars` writes its file into a folder and returns how to read it."""

    bars: Callable[[Path], dict[str, Any]]
    instrument: str
    windows: tuple[date, date, date, date]
    regime_features: tuple[str, ...]


def embedded_bars(folder: Path) -> dict[str, Any]:
    """Write the S&P 500 bars that the package arch carries."""
    from arch.data import sp500

    path = folder / "sp500.csv"
    sp500.load()[["Open", "High", "Low", "Close", "Volume"]].rename(columns=str.lower).to_csv(
        path, index_label="date"
    )
    return {"file": path, "columns": {name: name for name in OHLCV}}


def spy_bars(folder: Path) -> dict[str, Any]:
    """Unpack the SPY bars, in ten-thousandths of a dollar, and give them a header."""
    path = folder / "spy.csv"
    with zipfile.ZipFile(SHARED / "daily" / "spy.zip") as archive:
        rows = archive.read("spy.csv").decode()
    path.write_text("date,open,high,low,close,volume\n" + rows)
    return {
        "file": path,
        "price_scale": 1e-4,
        "columns": {name: name for name in OHLCV},
        "date_format": "%Y%m%d %H:%M",
        "time_zone": "America/New_York",
    }


def close_bars(_: Path) -> dict[str, Any]:
    """Name the file of closes."""
    return {"file": SHARED / "daily" / "spx_close_2008_2024.csv"}


SETS = {
    "sp500": DaySet(
        embedded_bars, "future",
        (date(1999, 1, 4), date(2002, 1, 2), date(2004, 1, 2), date(2018, 12, 31)),
        ("log_parkinson_1d",),
    ),
    "spy": DaySet(
        spy_bars, "spot",
        (date(1998, 1, 2), date(2002, 1, 2), date(2004, 1, 2), date(2021, 3, 31)),
        ("log_parkinson_1d",),
    ),
    "closes": DaySet(
        close_bars, "future",
        (date(2008, 1, 2), date(2010, 1, 4), date(2012, 1, 3), date(2024, 12, 31)),
        ("return_1d",),
    ),
}  # fmt: skip


def desk_of(name: str, days: DaySet, folder: Path) -> Desk:
    """Return the shipped desk on the files of one set, refitted every year."""
    data = FilesData.model_validate({"source": "files", "bars": days.bars(folder), "implied_vol": VIX})
    desk, windows = load_desk("spx-daily"), dict(zip(BOUNDARIES, days.windows, strict=True))
    return desk.model_copy(
        update={
            "name": name,
            "data": data,
            "hedge": desk.hedge.model_copy(update={"instrument": days.instrument}),
            "windows": desk.windows.model_copy(update=windows | {"refit_months": 12}),
            "regimes": desk.regimes.model_copy(update={"features": days.regime_features}),
            "policies": desk.policies.model_copy(update={"run": POLICIES}),
        }
    )


def at_cost(desk: Desk, bps: float) -> Desk:
    """Return the desk at `bps` one way, a fifth of it the fee."""
    costs = desk.costs.model_copy(update={"fee_bps": 0.2 * bps, "half_spread_bps": 0.8 * bps})
    return desk.model_copy(update={"costs": costs})


def signals_of(store: DatasetStore, desk: Desk) -> Dataset:
    """Return the learned signals of a desk, from the store where it has them."""
    parameters = {"data": desk.data, "content": content_of(desk.data)}
    market = store.derive("market", load_tables, inputs={}, parameters=parameters)
    tables = {table: f"{market}/{table}" for table in ("bars", "implied_vol")}
    features = store.derive("features", assemble, inputs=tables, parameters={})
    learned = {"market": market, "features": features}
    return store.open(
        store.derive("signals", learn_signals, inputs=learned, parameters={"desk": desk.for_signals()})
    )


def with_frozen_shift(desk: Desk, signals: Dataset, results: Dataset) -> pd.DataFrame:
    """Return the episodes with one more policy: the constant shift tuned on the first window, never again."""
    table, tuned = results["episodes"], results["tuned"]
    first = tuned[(tuned["policy"] == ConstantShift.name)].sort_values("window").iloc[0]
    episodes = build_episodes(desk, signals["signals"])
    shifted = table[(table["policy"] == ConstantShift.name) & (table["delay"] == 0)]
    starts = signals["signals"]["session"].to_numpy()[episodes.start]
    rows = np.flatnonzero(np.isin(starts, shifted["start"].to_numpy()))
    band = ConstantShift(first["value"]).band(episodes.state.episodes(rows))
    ledger = book(episodes.market.episodes(rows), band)
    books = ("pnl", "premium", "trading", "carry", "cost", "payoff", "turnover", "trades")
    frozen = shifted.sort_values("start").assign(
        policy=FROZEN, **{name: getattr(ledger, name) for name in books}
    )
    return pd.concat([table[table["delay"] == 0], frozen])


def beta(panel: EpisodePanel, close: "pd.Series[float]", life: int) -> dict[str, float]:
    """Return the slope of each policy's P&L on the return of the spot over the episode, bps per %."""
    moves = np.asarray(close)[panel.session + life] / np.asarray(close)[panel.session] - 1.0
    centred = moves - moves.mean()
    return dict(zip(panel.policies, panel.pnl @ centred / (centred @ centred), strict=True))


def changes(
    sampled: SampledMetrics, policy: str, rival: str, metric: str, relative: bool
) -> tuple[float, float, float]:
    """Return the change of a metric from the rival to the policy and its 95 % interval."""
    own, other = sampled.policies.index(policy), sampled.policies.index(rival)

    def change(values: NDArray[np.float64]) -> NDArray[np.float64]:
        gap = values[..., own] - values[..., other]
        return 100 * gap / values[..., other] if relative else gap

    low, high = percentile_interval(change(sampled.draws[metric]), 0.95)
    return float(change(sampled.point[metric])), float(low), float(high)


def judged(sampled: SampledMetrics) -> Iterator[tuple[str, float, float, float]]:
    """Yield what is asked of the flagship: name, change, and its interval."""
    for metric in ("pnl_sd_bps", "cvar95_bps", "cost_bps"):
        yield (
            f"{metric} against delta, %",
            *changes(sampled, FLAGSHIP, "delta_implied", metric, relative=True),
        )
    for rival in (FROZEN, PLAIN):
        for metric in ("risk_bps", "pnl_sd_bps", "cvar95_bps", "cost_bps", "pnl_mean_bps"):
            yield f"{metric} against {rival}", *changes(sampled, FLAGSHIP, rival, metric, relative=False)


def report(name: str, bps: float, desk: Desk, signals: Dataset) -> None:
    """Run the backtest of one set at one cost and print the tables."""
    results = run_backtest(at_cost(desk, bps), signals)
    sessions = signals["signals"]
    panel = EpisodePanel.from_table(
        with_frozen_shift(at_cost(desk, bps), signals, results), 0, sessions["session"]
    )
    indices = stationary_indices(
        panel.size, desk.evaluation.block_sessions, desk.evaluation.resamples, desk.seed
    )
    crash = np.asarray((panel.starts >= CRASH[0]) & (panel.starts <= CRASH[1]))
    for label, chosen in (("", None), (" without 2020-01-15 to 04-30", ~crash)):
        if chosen is not None and chosen.all():
            continue
        sampled = sample_metrics(panel, indices, desk.risk, chosen)
        table = pd.DataFrame({metric: sampled.point[metric] for metric in SHOWN}, index=list(panel.policies))
        if chosen is None:
            table["beta"] = pd.Series(beta(panel, sessions["close"], desk.option.sessions))
        print(f"\n{name}, {bps:g} bp, {panel.size} episodes{label}\n{table.round(2).to_string()}")
        for what, point, low, high in judged(sampled):
            print(f"  {what:45} {point:+8.2f}  [{low:+.2f}, {high:+.2f}]")
    tuned = results["tuned"].query("policy in [@FLAGSHIP, @PLAIN]")
    print(
        tuned.pivot_table(index=["policy", "parameter"], columns="window", values="value")
        .round(2)
        .to_string()
    )


def main(names: list[str]) -> None:
    home = Home.find(None)
    folder = home.data / "real_days"
    folder.mkdir(parents=True, exist_ok=True)
    with threadpool_limits(limits=1):
        for name in names or list(SETS):
            desk = desk_of(name, SETS[name], folder)
            signals = signals_of(DatasetStore(home.data / "datasets"), desk)
            for bps in COSTS:
                report(name, bps, desk, signals)


if __name__ == "__main__":
    main(sys.argv[1:])
