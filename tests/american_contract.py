"""A share, its dividends and an American call on it, made and not copied, as the files of a contract desk."""

import zipfile
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from pipeline.ingest.calendar import sessions_between
from pipeline.pricing import american
from pipeline.pricing.american import AmericanOption, Dividends

STRIKE, RATE, VOL = 100.0, 0.002, 0.25
START, EXPIRY = pd.Timestamp("2015-09-01"), pd.Timestamp("2016-01-15")
EX_DATES = ("2014-02-06", "2014-05-08", "2014-08-07", "2014-11-06", "2015-02-05", "2015-05-07", "2015-08-06",
            "2015-11-05")  # fmt: skip
AMOUNT = 0.5
DESK = """
kind = "contract"
name = "made-american"
[data]
underlying = "ACME"
file = "acme_quote_american.zip"
[data.history]
source = "files"
bars = { file = "acme.zip", header = false, price_scale = 0.0001, columns = { date = "1", open = "2", high = "3", low = "4", close = "5", volume = "6" } }
factors = { file = "acme.csv", header = false, columns = { date = "1", price_factor = "2", split_factor = "3", reference_price = "4" } }
implied_vol = { file = "vix.csv" }
[training]
sessions = 10
[windows]
learn_start = 2011-01-03
signals_start = 2014-01-02
test_start = 2015-09-01
test_end = 2016-01-15
refit_months = 24
[regimes]
states = 2
restarts = 1
[forecasts]
horizons = [1, 5, 21]
trees = 5
spike_multiple = 1.2
[policies]
run = ["none", "whalley_wilmott", "minimum_variance", "regime_switched"]
budget = 8
[evaluation]
block_sessions = 20
frontier = 0
stress = []
"""  # noqa: E501


@contextmanager
def coarse_grid():
    """Value options on a tenth of the points: what is compared here is valued on the same grid."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(american, "TIME_STEPS", 60)
        patched.setattr(american, "SPACE_STEPS", 120)
        yield


def share(seed=4, last=EXPIRY):
    """Closes as quoted: a walk that falls by the dividend on each ex-date."""
    sessions = sessions_between(pd.Timestamp("2011-01-03"), last)
    rng = np.random.default_rng(seed)
    steps = np.exp(rng.normal(0.0, VOL / np.sqrt(252), len(sessions)))
    close, paid = np.empty(len(sessions)), np.isin(sessions, pd.to_datetime(list(EX_DATES)))
    close[0] = 98.0
    for k in range(1, len(sessions)):
        close[k] = close[k - 1] * steps[k] * (103.0 / close[k - 1]) ** 0.01 - AMOUNT * paid[k]
    return pd.Series(close.round(2), index=sessions)


def write_files(folder, last_quote="2015-12-31", extra=()):
    """Write quotes, bars, factors and an index of volatility; return the folder."""
    close = share()
    rng = np.random.default_rng(5)
    low, high = (close * (1.0 + side * rng.uniform(0.001, 0.01, len(close))) for side in (-1.0, 1.0))
    bars = [
        f"{day:%Y%m%d} 00:00,{','.join(f'{1e4 * price:.0f}' for price in prices)},{rng.integers(9e5, 2e6)}"
        for day, *prices in zip(close.index, close, high, low, close, strict=True)
    ]
    _zip(folder / "acme.zip", {"acme.csv": bars})
    _factors(folder / "acme.csv", close)
    vix = 100.0 * VOL * np.exp(rng.normal(0.0, 0.05, len(close)))
    rows = [f"{day:%Y-%m-%d},{each:.2f}" for day, each in zip(close.index, vix, strict=True)]
    (folder / "vix.csv").write_text("\n".join(["date,close", *rows]) + "\n")
    quotes = {f"acme_quote_american_call_{1e4 * STRIKE:.0f}_{EXPIRY:%Y%m%d}.csv": _quotes(close, last_quote)}
    _zip(folder / "acme_quote_american.zip", quotes | {name: next(iter(quotes.values())) for name in extra})
    return folder


def _quotes(close, last_quote):
    option = AmericanOption("call", STRIKE, np.datetime64(EXPIRY.date(), "D"), RATE)
    ex = np.array(EX_DATES, "datetime64[D]")
    paid, lines = Dividends(ex, np.full(len(ex), AMOUNT)), []
    for day, spot in close[START:last_quote].items():
        mid = option.greeks(np.datetime64(day.date(), "D"), float(spot), VOL, paid).price
        bid, ask = (max(round(100.0 * (mid + side)) * 100, 100) for side in (-0.05, 0.05))
        lines.append(f"{day:%Y%m%d} 00:00,{','.join(4 * [str(bid)])},10,{','.join(4 * [str(ask)])},10")
    return lines


def _factors(file, close):
    factor, rows = 1.0, ["20501231,1,1,0"]
    for day in reversed(EX_DATES):
        before = close.index[close.index.searchsorted(pd.Timestamp(day)) - 1]
        factor *= 1.0 - AMOUNT / close[before]
        rows.append(f"{before:%Y%m%d},{factor:.9f},1,{close[before]}")
    file.write_text("\n".join(reversed(rows)))


def _zip(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, lines in members.items():
            archive.writestr(name, "\n".join(lines) + "\n")
