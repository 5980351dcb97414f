"""A market state that keeps what was computed from it, for policies that are asked many times about it."""

from collections.abc import Callable
from threading import Lock
from typing import Any

from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.domain.rows import is_large

MOST = 160
"""Arrays kept of one state; the one that was not asked for longest goes first."""


Kept = tuple[FloatArray, tuple[FloatArray, ...]]


class Memory:
    """What was computed from one set of episodes, with the arrays that it was computed from.

    Threads may share it: several policies are asked about the same episodes at once.
    """

    def __init__(self) -> None:
        self._kept: dict[Any, Kept] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def recall(self, key: Any) -> Kept | None:
        """Return what is kept under a key, which is then the last to go; None where there is nothing."""
        with self._lock:
            found = self._kept.pop(key, None)
            if found is not None:
                self._kept[key] = found
            return found

    def keep(self, key: Any, found: Kept) -> None:
        """Keep something, and let go of what was not asked for longest where that is too much."""
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]


class RememberingState(MarketState):
    """A market state whose Greeks are computed once, and that notes when its risk aversion is read.

    What never reads the risk aversion cannot depend on it. A state made from this one (`replace`,
    `episodes`, `at`) remembers nothing.
    """

    memory: Memory | None = None
    read: bool

    @classmethod
    def of(cls, state: MarketState, aversion: float, memory: Memory) -> "RememberingState":
        """Return the state at another risk aversion, not read yet; `memory` is that of the same episodes."""
        made = object.__new__(cls)  # no field is worth checking again
        vars(made).update(vars(state), risk_aversion=aversion, memory=memory, read=False)
        return made

    def __getattribute__(self, name: str) -> Any:
        if name == "risk_aversion":
            object.__setattr__(self, "read", True)
        return super().__getattribute__(name)


def remembering(state: MarketState) -> MarketState:
    """Return the state of episodes with a memory of its own.

    A large batch, for which blocks on every core are worth more, and a net book are returned as they are.
    """
    aversion = state.risk_aversion
    if is_large(*state.shape) or not isinstance(aversion, float):
        return state
    return RememberingState.of(state, aversion, Memory())


def remembered(
    state: MarketState,
    what: tuple[Any, ...],
    inputs: tuple[FloatArray, ...],
    compute: Callable[[], FloatArray],
) -> FloatArray:
    """Return `compute()`, or what it gave before where the state remembers it; nobody may write into it.

    Parameters
    ----------
    what : names the quantity, with every number that it depends on.
    inputs : arrays besides the state's own that it depends on; the same object counts as the same input.
    compute : must not read the state's risk aversion, unless it stands in `what`.
    """
    memory = state.memory if isinstance(state, RememberingState) else None
    if memory is None:
        return compute()
    key = (what, *map(id, inputs))
    found = memory.recall(key)
    if found is None:
        found = compute(), inputs  # the inputs are kept too: an id is theirs while they live
        memory.keep(key, found)
    return found[0]
