"""False alarms and power of the monitors on five days of BAC, each in turn against the others.

Nothing was done to a day: what is alarmed is counted as false, though a day may have been unlike the others.
Then a drift is put in at its middle: volatility, spread, depth or trading times a factor in every feature
that measures it, a feed of trades that falls silent; for the forecasts, moves of the price or costs of
crossing times a factor that no forecast follows. Told is on how many days there was a new alarm, and after
how many minutes at the median. The window of 120 decisions, two of them in a row and what is spared at three
days were chosen on these days. Forecasts of the first judged day had learned from one day only.

`python -m benchmarks.run drift`; a minute when the home of the pipeline holds the desk's features.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from unittest.mock import patch

import numpy as np
import pandas as pd

from benchmarks.measurement import Measurement
from benchmarks.shared_data import shared
from flows.datasets import store_of
from flows.works import works_of
from pipeline.backtest.desk_check import checked_any
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.ingest.store import Dataset
from pipeline.monitor.alarm import Alarm, Monitor, Observed
from pipeline.monitor.concept_drift import StreamReference, learn_streams
from pipeline.monitor.data_drift import DataDrift, DataReference
from pipeline.monitor.held_out import held_out
from pipeline.monitor.likelihood import OneStep
from pipeline.monitor.reference import FALSE_ALARMS_A_DAY, streamed, watched_horizons
from pipeline.monitor.streams import COST, Streams
from pipeline.monitor.training import observations, read_by_models
from pipeline.monitor.watch import Concept
from pipeline.regimes.catalogue import DETECTORS
from pipeline.regimes.gaussian import GaussianDetector

POWERS: Mapping[str, Mapping[str, float]] = {
    "volatility": {
        **{f"{name}variance_{n}": 2.0 for name, n in (("", 20), ("", 60), ("", 240), ("log_", 20))},
        "quote_two_scale_vol": 1.0,
    },
    "spread": {
        **{f"{name}_{n}": 1.0 for name in ("half_spread", "crossing_cost") for n in (1, 5, 20)},
        "log_spread": 1.0,
    },
    "depth": {"depth_1": 1.0, "depth_5": 1.0, "depth_20": 1.0, "log_depth": 1.0},
    "trading": {"log_rate": 1.0, "trade_volume_rate_60s": 1.0},
}  # fmt: skip
"""By what power of the factor each feature grows; the logarithm of a feature by that times its logarithm."""
SILENT = ("trade_flow_imbalance_60s", "vpin_50")
INJECTED = (
    ("volatility", 1.5), ("volatility", 2.0), ("volatility", 3.0), ("spread", 1.1), ("spread", 1.5),
    ("spread", 2.0), ("depth", 0.5), ("depth", 0.25), ("trading", 2.0), ("trading", 4.0), ("silence", 0.0),
)  # fmt: skip
MISFORECAST = (("moves", 1.5), ("moves", 2.0), ("moves", 3.0), ("costs", 1.5), ("costs", 2.0))


def drifted(features: Mapping[str, float], what: str, factor: float) -> dict[str, float]:
    """Return the features of a decision in a market where something has grown by a factor."""
    if what == "silence":
        return {**features, **dict.fromkeys(SILENT, np.nan)}
    return {
        name: value
        if name not in (powers := POWERS[what])
        else value + powers[name] * np.log(factor)
        if name.startswith("log_")
        else value * factor ** powers[name]
        for name, value in features.items()
    }


def alarms(monitor: Monitor, seen: list[Observed]) -> list[Alarm]:
    return [alarm for each in seen for alarm in monitor.watch(each)]


def shown(kind: str, days: int, found: list[list[float]]) -> dict[str, float]:
    """Print and return on how many days there was an alarm, and its minutes at the median."""
    first = [min(each) for each in found if each]
    minutes = float(np.median(first)) if first else float("nan")
    print(f"{kind:28} alarmed on {len(first)} of {days} days, after {minutes:.0f} minutes")
    return {"days": float(days), "alarmed": float(len(first)), "minutes": minutes}


def power(
    monitors: Mapping[str, Callable[[], Monitor]],
    days: Mapping[str, list[Observed]],
    change: Callable[[list[Observed]], list[Observed]],
) -> list[list[float]]:
    """Return the minutes from the middle of each day to every alarm after it that the day itself has not."""
    found = []
    for day, seen in days.items():
        middle = len(seen) // 2
        usual = {(each.feature, each.at) for each in alarms(monitors[day](), seen)}
        mixed = seen[:middle] + change(seen[middle:])
        new = [each for each in alarms(monitors[day](), mixed) if (each.feature, each.at) not in usual]
        found.append([(each.at - seen[middle].at) / 6e10 for each in new if each.at >= seen[middle].at])
    return found


def featured(what: str, factor: float) -> Callable[[list[Observed]], list[Observed]]:
    return lambda seen: [replace(each, features=drifted(each.features, what, factor)) for each in seen]


def unforeseen(what: str, factor: float) -> Callable[[list[Observed]], list[Observed]]:
    def change(seen: list[Observed]) -> list[Observed]:
        if what == "costs":
            return [replace(e, features={**e.features, COST: factor * e.features[COST]}) for e in seen]
        first = seen[0].mid
        return [replace(each, mid=first * (each.mid / first) ** factor) for each in seen]

    return change


def measure() -> Iterator[Measurement]:
    """Leave out one day after the other; count alarms without and with a drift."""
    with patch.dict(os.environ, {"HEDGE_DATA": str(shared("ticks", "lean_equity", "bac"))}):
        desk, features, signals = stages()
    names = read_by_models(desk, signals)
    yield from of_features(features, names)
    yield from of_forecasts(desk, features, signals, names)


def stages() -> tuple[IntradayDesk, pd.DataFrame, Dataset]:
    """Return the desk, its decision grid and the dataset of its signals."""
    settings, store, keys = checked_any("bac-intraday"), store_of(None), []
    assert isinstance(settings, IntradayDesk)
    for stage in ("market", "matrix", "signals"):
        work = getattr(works_of(settings), stage)(settings, *keys)
        keys.append(
            store.derive(
                work.name, work.build, inputs=work.inputs, parameters=work.parameters, pieces=work.pieces
            )
        )
    return settings, store.open(keys[1])["features"], store.open(keys[2])


def of_features(features: pd.DataFrame, names: tuple[str, ...]) -> Iterator[Measurement]:
    days, monitors = {}, {}
    for day, rows in features.groupby("day"):
        reference = DataReference.learn(features[features["day"] != day], names)
        monitors[str(day)] = partial(DataDrift, reference, len(rows))
        days[str(day)] = [
            Observed(row["time"].value, row["day"], row["minutes"], row["mid"], {n: row[n] for n in names})
            for row in rows[["time", "day", "minutes", "mid", *names]].to_dict("records")
        ]
    false = [alarms(monitors[day](), seen) for day, seen in days.items()]
    number = sum(map(len, false))
    print(f"features: {number} false alarms on {len(days)} days, {FALSE_ALARMS_A_DAY} a day are allowed for")
    for each in chain.from_iterable(false):
        print(f"  {pd.Timestamp(each.at)} {each.feature}: {each.said}")
    yield Measurement("drift.features_false_alarms", "a day", number / len(days), detail={"days": len(days)})
    fewer = [
        alarms(
            DataDrift(DataReference.learn(features[~features["day"].isin([day, other])], names), len(seen)),
            seen,
        )
        for day, seen in days.items()
        for other in days
        if other != day
    ]
    told = {"days": float(len(fewer)), "alarmed": float(sum(map(bool, fewer)))}
    print(f"  against three days: {sum(map(len, fewer))} on {told['alarmed']:.0f} of {len(fewer)} days")
    yield Measurement(
        "drift.features_false_alarms_of_three_days", "a day", sum(map(len, fewer)) / len(fewer), detail=told
    )
    for what, factor in INJECTED:
        told = shown(f"  {what} × {factor:g}", len(days), power(monitors, days, featured(what, factor)))
        name = f"drift.features_{what}_{factor:g}"
        yield Measurement(name, "share of days", told["alarmed"] / told["days"], detail=told)


def of_forecasts(
    desk: IntradayDesk, features: pd.DataFrame, signals: Dataset, names: tuple[str, ...]
) -> Iterator[Measurement]:
    with np.load(signals.file("models/regime.npz"), allow_pickle=False) as arrays:
        detector = DETECTORS[desk.in_steps().regimes.detector].from_arrays(dict(arrays))
    rows, fills, own = signals["signals"], signals["fills"], held_out(detector, features)
    monitors, days = {}, {}
    for day in map(str, rows["day"].unique()):
        others = held_out(detector, features[features["day"] != day])
        told = partial(observations, desk, features, fills=fills, names=names, policy=None, desk_cost=0.0)
        seen = told(rows[rows["day"] != day], detectors=others.__getitem__)
        learned = learn_streams(streamed(desk, others, seen), FALSE_ALARMS_A_DAY)
        monitors[day] = partial(of_concept, desk, own[day], learned)
        days[day] = list(told(rows[rows["day"] == day], detectors=own.__getitem__))
    false = [alarms(monitors[day](), seen) for day, seen in days.items()]
    number = sum(map(len, false))
    print(f"forecasts: {number} false alarms on {len(days)} days, {FALSE_ALARMS_A_DAY} a day are allowed for")
    for each in chain.from_iterable(false):
        print(f"  {pd.Timestamp(each.at)} {each.said}")
    yield Measurement("drift.forecasts_false_alarms", "a day", number / len(days), detail={"days": len(days)})
    for what, factor in MISFORECAST:
        told = shown(f"  {what} × {factor:g}", len(days), power(monitors, days, unforeseen(what, factor)))
        name = f"drift.forecasts_{what}_{factor:g}"
        yield Measurement(name, "share of days", told["alarmed"] / told["days"], detail=told)


def of_concept(
    desk: IntradayDesk, detector: GaussianDetector, learned: Mapping[str, StreamReference]
) -> Monitor:
    """Return a monitor of forecasts that has learned from all days but one, as its detector has."""
    return Concept("concept", Streams(watched_horizons(desk), OneStep(detector)).step, learned)
