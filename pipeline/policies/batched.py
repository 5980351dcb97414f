"""Bands of large batches, block by block of episodes: no policy looks from one episode to another."""

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.domain.rows import in_blocks, is_large
from pipeline.policies.remembering import RememberingState

P = TypeVar("P", bound=Any)
EDGES = tuple(field.name for field in fields(Band))


def batched(band: Callable[[P, MarketState], Band]) -> Callable[[P, MarketState], Band]:
    """Return a policy's `band` that answers large batches in blocks of episodes, with the same numbers."""

    @wraps(band)
    def by_block(self: P, state: MarketState) -> Band:
        rows, times = state.shape
        if isinstance(state, RememberingState) or not is_large(rows, times):
            return band(self, state)
        try:
            first = band(self, state.episodes(slice(0, 1)))
            whole = _room(first, rows)

            def fill(block: slice) -> None:
                part = band(self, state.episodes(block))
                for name, edge in whole.items():
                    edge[block] = getattr(part, name)

            in_blocks(rows, times, fill)
        except PolicyError:
            return band(self, state)  # whose message counts the episodes of the whole batch
        return _joined(first, whole)

    return by_block


def _room(part: Band, rows: int) -> dict[str, FloatArray]:
    """Return an empty array for each edge of the band that is not another one of its edges."""
    own = {name: getattr(part, name) for name in EDGES}
    different = {id(edge): name for name, edge in reversed(own.items())}
    names = [name for name in EDGES if different[id(own[name])] == name and not _same_everywhere(own[name])]
    return {name: np.empty((rows, *own[name].shape[1:])) for name in names}


def _joined(part: Band, whole: dict[str, FloatArray]) -> Band:
    rows = len(whole["lower"])
    own = {name: getattr(part, name) for name in EDGES}

    def edge(name: str) -> FloatArray:
        if _same_everywhere(own[name]):
            return np.broadcast_to(own[name].flat[0], (rows, *own[name].shape[1:]))
        same = next(other for other in EDGES if own[other] is own[name])
        return whole[same]

    return Band(**{name: edge(name) for name in EDGES})


def _same_everywhere(edge: FloatArray) -> bool:
    """Tell whether an array is one number, repeated without memory: a speed of 1."""
    return not any(edge.strides)
