"""Ticks of a made-up share in Lean's form, one zip a day of quotes and of trades, and a desk on them."""

import zipfile
from datetime import date, timedelta

import numpy as np

FIRST = date(2020, 3, 2)
OPEN_MS, HOURS = 36_000_000, 2
DESK = """
kind = "intraday"
name = "small-intraday"
description = "Made-up ticks"

[data]
instrument = "XYZ"
files = ["*_quote.zip", "*_trade.zip"]
national_best = true

[grid]
every_seconds = 30
open = 10:00:00
close = 12:00:00
zone = "America/New_York"
sample_seconds = 5.0

[option]
steps = 10
start_every = 3

[hedge]
size = 2000.0
lot = 100.0
order_share = 0.3

[risk]
aversion = 30.0

[windows]
learn_start = 2020-03-02
signals_start = 2020-03-03
test_start = 2020-03-04
test_end = 2020-03-05

[regimes]
states = 2
features = ["log_variance_20", "log_depth"]
restarts = 1

[forecasts]
horizons = [1, 10]
trees = 5

[policies]
run = ["delta_implied", "whalley_wilmott", "regime_switched"]
budget = 8

[evaluation]
resamples = 100
block_steps = 20
"""


def write_day(folder, day, seed):
    """Write one day: the mid moves by cents, faster near the open; depth follows a slow wave."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(OPEN_MS - 600_000, OPEN_MS + HOURS * 3_600_000, 6_000))
    calm = np.exp(-(times - OPEN_MS) / 3_600_000)
    moves = rng.choice([-100, 0, 100], len(times), p=[0.04, 0.92, 0.04]) * (
        rng.random(len(times)) < 0.3 + calm
    )
    bid = 200_000 + np.cumsum(moves)
    spread = 100 * (1 + (rng.random(len(times)) < 0.1))
    wave = 1.5 + np.sin(times / 900_000)
    sizes = 100 * rng.integers(1, 12, (2, len(times))) * np.ceil(wave).astype(int)
    lines = []
    for row, at in enumerate(times):
        lines.append(f"{at},{bid[row]},{sizes[0, row]},0,0,Q,1,0")
        lines.append(f"{at},0,0,{bid[row] + spread[row]},{sizes[1, row]},Q,1,0")
    write(folder, day, "quote", lines)
    hit = rng.choice(len(times), 1_500, replace=False)
    hit.sort()
    sides = rng.integers(0, 2, len(hit))
    price = bid[hit] + sides * spread[hit]
    write(folder, day, "trade", [
        f"{times[row] + 1},{cost},{100 * size},Q,1,0"
        for row, cost, size in zip(hit, price, rng.integers(1, 9, len(hit)), strict=True)
    ])  # fmt: skip


def write(folder, day, kind, lines):
    """Write one archive as the vendor names it."""
    with zipfile.ZipFile(folder / f"{day:%Y%m%d}_{kind}.zip", "w") as archive:
        archive.writestr(f"{day:%Y%m%d}_xyz_{kind}_Tick.csv", "\n".join(lines) + "\n")


def write_market(folder, days=4, seed=1):
    """Write `days` days from `FIRST` on and return the folder."""
    for number in range(days):
        write_day(folder, FIRST + timedelta(days=number), seed + number)
    return folder
