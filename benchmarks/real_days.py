"""Hedging on real days, walk-forward, on three sets: what the flagship removes, at what cost, against whom.

S&P 500 bars with the full VIX history (2004-2018), SPY with its dividends reinvested (2004-2021) and S&P
500 closes (2012-2024), each at 1 and 5 bp one way. Changes of SD and CVaR95 are against daily delta,
differences of the desk's risk against the constant shift tuned on the first window and frozen, and against
the flagship without regimes; 95 % intervals from the stationary bootstrap of start days, the same resamples
for every policy. Mean P&L and market beta of every policy, and all of it without the starts of 2020-01-15 to
04-30, stand beside them, in print and in the detail of each measurement.

Every run is a look at the test years: docs/research.md counts them.

`python -m benchmarks.run real_days`, or `python -m benchmarks.real_days [SET ...]`; needs ../shared/data;
ten minutes the first time, two with the signals in the dataset store.
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

from benchmarks.measurement import Measurement
from benchmarks.shared_data import SHARED, shared
from pipeline.backtest.episodes import build_episodes
from pipeline.backtest.folds import training_of, walk_forward_folds
from pipeline.backtest.ledger import book
from pipeline.backtest.result_tables import result_rows
from pipeline.backtest.signals import learn_signals
from pipeline.domain.data_settings import FilesData
from pipeline.domain.desk import Desk, load_desk
from pipeline.domain.home import Home
from pipeline.evaluate.bootstrap import percentile_interval, stationary_indices
from pipeline.evaluate.metrics import BASELINE, SampledMetrics, sample_metrics
from pipeline.evaluate.panel import EpisodePanel
from pipeline.features.assemble import assemble
from pipeline.ingest.sources import content_of, load_tables
from pipeline.ingest.store import Dataset, DatasetStore
from pipeline.policies.base import Policy, Training
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.constant_shift import ConstantShift

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
METRIC = {
    "sd": "pnl_sd_bps",
    "cvar95": "cvar95_bps",
    "cost": "cost_bps",
    "risk": "risk_bps",
    "mean": "pnl_mean_bps",
}
SHOWN = ("pnl_mean_bps", "market_beta", "pnl_sd_bps", "cvar95_bps", "risk_bps", "cost_bps")


@dataclass(frozen=True)
class DaySet:
    """A desk on real days: `bars` writes its files into a folder and returns how to read them, by table."""

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
    return {"bars": {"file": path, "columns": {name: name for name in OHLCV}}}


def spy_bars(folder: Path) -> dict[str, Any]:
    """Unpack the SPY bars, in ten-thousandths of a dollar; their factors put dividends into the prices."""
    with zipfile.ZipFile(shared("daily", "spy.zip")) as archive:
        path = archive.extract("spy.csv", folder)
    factors = ("date", "price_factor", "split_factor", "reference_price")
    return {
        "bars": {"file": path, "header": False, "price_scale": 1e-4, "columns": _places(("date", *OHLCV))},
        "factors": {"file": shared("daily", "spy.csv"), "header": False, "columns": _places(factors)},
    }


def _places(names: tuple[str, ...]) -> dict[str, str]:
    return {name: str(place) for place, name in enumerate(names, start=1)}


def close_bars(_: Path) -> dict[str, Any]:
    """Name the file of closes."""
    return {"bars": {"file": shared("daily", "spx_close_2008_2024.csv")}}


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
    data = FilesData.model_validate({"source": "files", "implied_vol": VIX} | days.bars(folder))
    desk, windows = load_desk("spx-daily"), dict(zip(BOUNDARIES, days.windows, strict=True))
    dividends = 0.0 if data.reinvests else desk.market.dividend_yield
    return desk.model_copy(
        update={
            "name": name,
            "data": data,
            "market": desk.market.model_copy(update={"dividend_yield": dividends}),
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


def hedged(desk: Desk, signals: Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fit and test every policy over the test windows; return the episodes' books and the tuned parameters.

    One policy more than the desk's own: the constant shift tuned on the first window and never again.
    """
    sessions = signals["signals"]
    episodes, dates = build_episodes(desk, sessions), sessions["session"].to_numpy()
    folds = walk_forward_folds(desk, sessions, episodes)
    first = ConstantShift().fit(training_of(desk, episodes, folds[0].training))
    fits: dict[str, Callable[[Training], Policy]] = {
        name: policy.fit for name, policy in desk_policies(desk).items()
    }
    rows, tuned = [], []
    for name, fit in (fits | {FROZEN: lambda training: first}).items():
        for fold in folds:
            training = training_of(desk, episodes, fold.training)
            policy = fit(training)
            band = policy.band(episodes.state.episodes(fold.test)).checked(name)
            ledger = book(episodes.market.episodes(fold.test), band)
            rows.append(result_rows(name, 0, fold, episodes, dates, ledger))
            if name in (FLAGSHIP, PLAIN):
                tuned += [(fold.window, name, *parameter) for parameter in policy.parameters().items()]
    columns = ["window", "policy", "parameter", "value"]
    return pd.concat(rows, ignore_index=True), pd.DataFrame(tuned, columns=columns)


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


@dataclass(frozen=True)
class Change:
    """One figure against a rival: by how much it changed, and the 95 % interval."""

    what: str
    point: float
    low: float
    high: float


def judged(sampled: SampledMetrics) -> dict[str, Change]:
    """Return what is asked of the flagship, by the name of its target, and what stands beside it."""
    found = {
        f"{short}_vs_delta": Change(
            f"{short} against delta, %", *changes(sampled, FLAGSHIP, BASELINE, METRIC[short], relative=True)
        )
        for short in ("sd", "cvar95", "cost")
    }
    for rival in (FROZEN, PLAIN):
        for short, metric in METRIC.items():
            found[f"{short}_vs_{rival.removeprefix('regime_switched_')}"] = Change(
                f"{short} against {rival}, bps", *changes(sampled, FLAGSHIP, rival, metric, relative=False)
            )
    return found


@dataclass(frozen=True)
class Sample:
    """What one set of test episodes says: [policies] rows of figures, and the flagship against its rivals."""

    figures: pd.DataFrame
    found: dict[str, Change]

    @classmethod
    def of(cls, sampled: SampledMetrics) -> "Sample":
        """Read the figures and judge the flagship."""
        figures = {metric: sampled.point[metric] for metric in SHOWN}
        return cls(pd.DataFrame(figures, index=list(sampled.policies)), judged(sampled))

    def detail(self, key: str, prefix: str = "") -> dict[str, float]:
        """Return one change with its interval, and the figure, mean P&L and market beta of every policy."""
        change, metric = self.found[key], METRIC[key.partition("_vs_")[0]]
        shown = self.figures[list(dict.fromkeys((metric, "pnl_mean_bps", "market_beta")))]
        beside = {
            f"{column}.{policy}": float(own[column]) for column in shown for policy, own in shown.iterrows()
        }
        own = {"change": change.point, "low": change.low, "high": change.high} | beside
        return {f"{prefix}{what}": value for what, value in own.items()}


def report(name: str, bps: float, desk: Desk, signals: Dataset) -> Iterator[Measurement]:
    """Hedge one set at one cost, print the tables and yield what the targets ask for."""
    books, tuned = hedged(at_cost(desk, bps), signals)
    panel = EpisodePanel.from_table(books, 0, signals["signals"]["session"])
    indices = stationary_indices(
        panel.size, desk.evaluation.block_sessions, desk.evaluation.resamples, desk.seed
    )
    calm = np.asarray((panel.starts < CRASH[0]) | (panel.starts > CRASH[1]))
    whole = Sample.of(sample_metrics(panel, indices, desk.risk))
    show(f"{name}, {bps:g} bp, {panel.size} episodes", whole)
    without = None
    if not calm.all():
        without = Sample.of(sample_metrics(panel, indices, desk.risk, calm))
        show(f"{name}, {bps:g} bp, {calm.sum()} episodes without 2020-01-15 to 04-30", without)
    moved = tuned.groupby(["policy", "parameter"]).filter(lambda rows: np.ptp(rows["value"]) > 0.0)
    shown = moved.pivot_table(index=["policy", "parameter"], columns="window", values="value")
    print(shown.round(2).to_string())
    yield from measurements(f"real_days.{name}.{bps:g}bp", whole, without)


def show(title: str, sample: Sample) -> None:
    """Print the figures of every policy and the changes of the flagship."""
    print(f"\n{title}\n{sample.figures.round(2).to_string()}")
    for change in sample.found.values():
        print(f"  {change.what:40} {change.point:+8.2f}  [{change.low:+.2f}, {change.high:+.2f}]")


def measurements(name: str, whole: Sample, without: Sample | None) -> Iterator[Measurement]:
    """Yield the figures that have a target; an interval's upper end where it has to leave out zero.

    The detail has the same without the starts of the crash, where the set has any: `without_crash.…`.
    """
    cost = whole.figures["cost_bps"]
    judged_by = {
        "sd_vs_delta": ("%", whole.found["sd_vs_delta"].high),
        "cvar95_vs_delta": ("%", whole.found["cvar95_vs_delta"].high),
        "cost_vs_delta": ("bps", float(cost[FLAGSHIP] - cost[BASELINE])),
        "risk_vs_frozen_shift": ("bps", whole.found["risk_vs_frozen_shift"].high),
        "risk_vs_no_regimes": ("bps", whole.found["risk_vs_no_regimes"].high),
        "cost_vs_no_regimes": ("bps", whole.found["cost_vs_no_regimes"].point),
    }
    for key, (unit, figure) in judged_by.items():
        detail = whole.detail(key) | ({} if without is None else without.detail(key, "without_crash."))
        yield Measurement(f"{name}.{key}", unit, figure, detail=detail)


def measure(names: tuple[str, ...] = tuple(SETS)) -> Iterator[Measurement]:
    """Hedge every set at both costs."""
    shared("daily"), shared("volatility_indices")
    home = Home.find(None)
    folder = home.data / "real_days"
    folder.mkdir(parents=True, exist_ok=True)
    with threadpool_limits(limits=1):
        for name in names:
            desk = desk_of(name, SETS[name], folder)
            signals = signals_of(DatasetStore(home.data / "datasets"), desk)
            for bps in COSTS:
                yield from report(name, bps, desk, signals)


if __name__ == "__main__":
    for found in measure(tuple(sys.argv[1:]) or tuple(SETS)):
        print(f"{found.name:45} {found.ours:+.2f} {found.unit}")
