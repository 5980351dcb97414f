"""Datasets of a home, asked for: found, or made; Prefect has no part in it."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from flows.runners import partitions, runner
from flows.works import Work
from pipeline.domain.home import Home
from pipeline.ingest.sources import NOTES
from pipeline.ingest.store import Dataset, DatasetStore, Output

log = logging.getLogger(__name__)


def home_of(home: str | None) -> Home:
    """Return the folder that a flow reads and writes."""
    return Home.find(None if home is None else Path(home))


def store_of(home: str | None) -> DatasetStore:
    """Return the dataset store of a home; its partitions lie where HEDGE_STORE says, else beside it."""
    return DatasetStore(home_of(home).data / "datasets", partitions(), runner())


def made(work: Work, home: str | None, force: bool = False) -> str:
    """Ask the store for the dataset of a stage; return its key."""
    return derived(work.name, work.build, home, force, work.inputs, work.parameters, work.pieces)


def derived(
    name: str,
    build: Callable[..., Output],
    home: str | None,
    force: bool,
    inputs: Mapping[str, str],
    parameters: Mapping[str, Any],
    pieces: bool = False,
) -> str:
    """Ask the store for a dataset; say how long it took, whether it was there, and what its notes say."""
    store, started = store_of(home), time.perf_counter()
    known = set(store.keys())
    with threadpool_limits(limits=1):  # so that no number depends on how many cores there are
        key = store.derive(name, build, inputs=inputs, parameters=parameters, pieces=pieces, force=force)
    made = "unchanged" if key in known and not force else "made"
    log.info("%s %s in %.1f s", key, made, time.perf_counter() - started)
    _say_notes(store.open(key))
    return key


def piece(name: str, build: Callable[..., Output], home: str | None, force: bool, **arguments: Any) -> str:
    """Ask the store for a dataset that is known by the content of its arguments; say what its notes say."""
    with threadpool_limits(limits=1):
        dataset = store_of(home).piece(name, build, _force=force, **arguments)
    _say_notes(dataset)
    return dataset.key


def _say_notes(dataset: Dataset) -> None:
    if NOTES in dataset:
        for note in dataset[NOTES]["note"]:
            log.info("%s", note)
