"""The contract of every feature on events: no look into the future, and one by one equals all at once."""

import numpy as np
import pytest

from pipeline.features.event_catalogue import EVENT_MODULES, event_catalogue
from pipeline.features.event_feature import EVENT_REGISTRY, EventRows, Output, Source, event_feature
from pipeline.features.event_kernel import compiled
from pipeline.features.event_stream import EventStream, over
from tests.contracts.market_events import START, events

LENGTH = 1500


def same(left, right):
    return np.array_equal(left, right, equal_nan=True)


def tables_of(feature, seed):
    return {source.table: events(source, seed, LENGTH) for source in feature.sources}


def grid_of(tables, count=160):
    """Times between, before and at those of events."""
    known = np.concatenate([rows.known_time for rows in tables.values()])
    rng = np.random.default_rng(3)
    regular = np.linspace(START - 10**9, known.max(), count).astype(np.int64)
    return np.sort(np.concatenate([regular, rng.choice(known, 40, replace=False)]))


def upto(tables, now):
    return {name: rows[: np.searchsorted(rows.known_time, now, "right")] for name, rows in tables.items()}


def scrambled(tables, other, now):
    """The events up to `now`, then those of another market at the same times."""
    found = {}
    for name, rows in tables.items():
        known = rows.known_time <= now
        found[name] = EventRows(rows.known_time, np.where(known[:, None], rows.columns, other[name].columns))
    return found


def one_by_one(feature, tables, grid):
    """Values from single events, taken in the order of time and, within it, of the sources."""
    stream = EventStream(feature)
    parts = [
        (time, place, row)
        for place, source in enumerate(feature.sources)
        for time, row in zip(tables[source.table].known_time, tables[source.table].columns, strict=True)
    ]
    parts.sort(key=lambda part: part[:2])
    found, taken = [], 0
    for now in grid:
        while taken < len(parts) and parts[taken][0] <= now:
            time, place, row = parts[taken]
            stream.update(time, row, place)
            taken += 1
        found.append(stream.value(now))
    return np.array(found)


def in_chunks(feature, tables, grid, cuts):
    stream, found = EventStream(feature), []
    edges = [*cuts, grid[-1]]
    before = grid[0] - 10**12
    for edge in edges:
        chunk = {}
        for name, rows in tables.items():
            first, last = np.searchsorted(rows.known_time, [before, edge], "right")
            chunk[name] = rows[first:last]
        found.append(stream.over(chunk, grid[(grid > before) & (grid <= edge)]))
        before = edge
    return np.concatenate(found)


def breaches(feature):
    """The clauses of the contract that a feature breaks."""
    feature = feature.fitted([tables_of(feature, seed=11)])
    tables, other = tables_of(feature, seed=7), tables_of(feature, seed=8)
    grid = grid_of(tables)
    whole = over(feature, tables, grid)
    found = set()
    if not same(one_by_one(feature, tables, grid), whole):
        found.add("batch equals stream")
    if not same(in_chunks(feature, tables, grid, grid[[40, 41, 90]]), whole):
        found.add("chunks equal the whole")
    if not same(over(feature, tables, grid[::3]), whole[::3]):
        found.add("reading changes nothing")
    if not np.isnan(whole[grid < START]).all():
        found.add("missing before the first event")
    if not np.isfinite(whole).any(axis=0).all():
        found.add("a value at some time")
    for place in (30, 77, 150):
        now, first = grid[place], whole[: place + 1]
        if not same(over(feature, scrambled(tables, other, now), grid)[: place + 1], first):
            found.add("scrambled future")
        if not same(over(feature, upto(tables, now), grid[: place + 1]), first):
            found.add("cut future")
    return found


@pytest.mark.parametrize("feature", event_catalogue(), ids=lambda feature: feature.name)
def test_contract(feature):
    assert breaches(feature) == set()


@pytest.mark.parametrize("feature", event_catalogue(), ids=lambda feature: feature.name)
def test_each_declares_what_it_is(feature):
    assert feature.description.endswith(".")
    for output in feature.outputs:
        for text in (output.name, output.units, output.formula, feature.reference, feature.description):
            assert text.strip() == text != ""


def test_no_registered_feature_is_left_out():
    declared = {name for name, entry in EVENT_REGISTRY.items() if entry.module.startswith("pipeline.")}
    assert {entry.name for entry in event_catalogue()} == declared
    modules = {module.__name__ for module in EVENT_MODULES}
    assert {EVENT_REGISTRY[name].module for name in declared} == modules


@compiled
def _init(state, times, parameters):
    state[0] = np.nan


@compiled
def _step(state, times, parameters, known_time, source, row):
    state[0] = row[0]


@compiled
def _read_and_forget(state, times, parameters, now, values):
    values[0] = state[0]
    state[0] = np.nan


@compiled
def _read_early(state, times, parameters, now, values):
    values[0] = 0.0


def declared(read, name):
    EVENT_REGISTRY.pop(name, None)
    return event_feature(
        name,
        sources=(Source("trades", ("price", "size", "side")),),
        outputs=(Output(f"{name}_value", "price", "p"),),
        reference="none",
        description="A suspect.",
        state_size=1,
        functions=(_init, _step, read),
    )


SUSPECTS = {
    "forgetting": (_read_and_forget, {"reading changes nothing"}),
    "early": (_read_early, {"missing before the first event"}),
}


@pytest.mark.parametrize("suspect", SUSPECTS)
def test_the_contract_catches(suspect):
    read, broken = SUSPECTS[suspect]
    try:
        assert broken <= breaches(declared(read, suspect))
    finally:
        EVENT_REGISTRY.pop(suspect)
