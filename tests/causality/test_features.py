"""The contract of every feature: no look into the future, and batch equals stream, to the last bit."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.data_settings import SampleData
from pipeline.features.assemble import assemble
from pipeline.features.catalogue import catalogue
from pipeline.features.feature import Feature
from pipeline.ingest.sources import load_tables
from pipeline.ingest.tables import REALIZED_NAMES, VOL_INDEX_NAMES

LENGTH = 420
TIMES = (275, 300, 333, LENGTH - 2)


def market(seed, length=LENGTH):
    """Every input column, with values that no rounding would forgive."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.standard_t(3, length) * 0.01))
    open_ = close * np.exp(rng.normal(0.0, 0.005, length))
    return pd.DataFrame(
        {
            "open": open_,
            "high": np.maximum(open_, close) * np.exp(rng.exponential(0.005, length)),
            "low": np.minimum(open_, close) * np.exp(-rng.exponential(0.005, length)),
            "close": close,
            "volume": rng.lognormal(20.0, 1.0, length),
            "implied_vol": rng.uniform(0.1, 0.6, length),
            "vix9d": rng.uniform(0.1, 0.7, length),
            "vix3m": rng.uniform(0.1, 0.5, length),
            "vvix": rng.uniform(0.7, 1.5, length),
            "skew": rng.uniform(105.0, 160.0, length),
            **{name: rng.lognormal(-9.0, 1.0, length) for name in REALIZED_NAMES},
        }
    )


def same(left, right):
    return np.array_equal(left, right, equal_nan=True)


def breaches(feature: Feature, grid: pd.DataFrame) -> set[str]:
    """The clauses of the contract that a feature breaks on `grid`."""
    whole = feature.values(grid)
    found = set()
    if np.isfinite(whole[: feature.lookback - 1]).any() or not np.isfinite(whole[feature.lookback - 1]):
        found.add("missing until the look-back is full")
    for t in TIMES:
        upto = whole[: t + 1]
        other = market(seed=1000 + t, length=len(grid))
        scrambled = pd.concat([grid.iloc[: t + 1], other.iloc[t + 1 :]])
        if not same(feature.values(scrambled)[: t + 1], upto):
            found.add("scrambled future")
        if not same(feature.values(grid.iloc[: t + 1].reindex(grid.index))[: t + 1], upto):
            found.add("missing future")
        if not same(feature.values(grid.iloc[: t + 1]), upto):
            found.add("cut future")
        recent = grid.iloc[t + 1 - feature.lookback : t + 1]
        if not same(feature.values(recent)[-1], whole[t]):
            found.add("batch equals stream")
    return found


@pytest.fixture(scope="module")
def grid():
    return market(seed=7)


@pytest.mark.parametrize("feature", catalogue(), ids=lambda feature: feature.name)
def test_contract(feature, grid):
    assert breaches(feature, grid) == set()


@pytest.mark.parametrize("feature", catalogue(), ids=lambda feature: feature.name)
def test_a_missing_input_is_felt_within_the_look_back_only(feature, grid):
    t = TIMES[0]
    whole = feature.values(grid)
    for column in feature.inputs:
        spoiled = feature.values(grid.assign(**{column: grid[column].where(grid.index != t)}))
        assert np.isnan(spoiled[t : t + 2]).any()
        assert same(spoiled[:t], whole[:t])
        assert same(spoiled[t + feature.lookback :], whole[t + feature.lookback :])


def declared(compute, lookback):
    return replace(
        catalogue()[0], name="suspect", inputs=("close",), lookback=lookback, compute=compute, module=__name__
    )


SUSPECTS = {
    "centred window": (
        declared(lambda x: pd.Series(x).rolling(5, center=True).mean().to_numpy(), 5),
        {"scrambled future", "cut future"},
    ),
    "scaled by the whole sample": (
        declared(lambda x: x / np.nanmean(x), 1),
        {"scrambled future", "cut future", "missing future"},
    ),
    "filled from the future": (
        declared(lambda x: pd.Series(x).shift(1).bfill().to_numpy(), 2),
        {"missing until the look-back is full"},
    ),
    "running sum": (
        declared(lambda x: pd.Series(x).rolling(5).mean().to_numpy(), 5),
        {"batch equals stream"},
    ),
    "look-back declared too short": (
        declared(lambda x: pd.Series(x).shift(3).to_numpy(), 3),
        {"batch equals stream"},
    ),
}


@pytest.mark.parametrize("suspect", SUSPECTS)
def test_the_contract_catches(suspect, grid):
    feature, broken = SUSPECTS[suspect]
    assert broken <= breaches(feature, grid)


def further_indices(bars):
    """Indices that begin one after the other, the first after row 1000, with holes."""
    table = bars[["session", "event_time", "known_time"]].copy()
    rng = np.random.default_rng(5)
    for place, name in enumerate(VOL_INDEX_NAMES):
        values = rng.uniform(0.1, 0.9, len(bars))
        values[: 1000 + 700 * place] = np.nan
        values[rng.integers(0, len(bars), 40)] = np.nan
        table[name] = values
    return table[table[list(VOL_INDEX_NAMES)].notna().any(axis=1)]


def measures(bars):
    """Realised measures from row 500 on, with holes."""
    table = bars[["session", "event_time", "known_time"]].copy()
    rng = np.random.default_rng(8)
    for name in REALIZED_NAMES:
        table[name] = rng.lognormal(-9.0, 1.0, len(bars))
    return table.iloc[500:].drop(index=rng.integers(500, len(bars), 40))


@pytest.mark.parametrize("t", [700, 3900, 4600])
def test_the_matrix_of_real_data_does_not_see_past_its_row(t):
    tables = load_tables(SampleData())
    bars, quotes = tables["bars"], tables["implied_vol"]
    indices = further_indices(bars)
    realized = measures(bars)
    whole = assemble(bars, quotes, indices, realized)["features"].iloc[: t + 1]
    noise = market(seed=t, length=len(bars))
    prices = ["open", "high", "low", "close", "volume"]
    future = pd.concat([bars[prices].iloc[: t + 1], noise[prices].iloc[t + 1 :]])
    later = quotes["known_time"] > whole["known_time"].iloc[-1]
    after = indices["known_time"] > whole["known_time"].iloc[-1]
    unmeasured = realized["known_time"] > whole["known_time"].iloc[-1]
    scrambled = assemble(
        bars.assign(**future),
        quotes.assign(implied_vol=quotes["implied_vol"].mask(later, 3.0)),
        indices.assign(**{name: indices[name].mask(after, 3.0) for name in VOL_INDEX_NAMES}),
        realized.assign(**{name: realized[name].mask(unmeasured, 3.0) for name in REALIZED_NAMES}),
    )["features"]
    cut = assemble(bars.iloc[: t + 1], quotes[~later], indices[~after], realized[~unmeasured])["features"]
    pd.testing.assert_frame_equal(scrambled.iloc[: t + 1], whole, check_exact=True)
    pd.testing.assert_frame_equal(cut, whole, check_exact=True)
