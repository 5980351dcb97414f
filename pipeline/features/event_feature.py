"""What a feature on market events is: a state, what one event does to it, and what is read from it.

A feature of sessions (`feature`) maps columns to a column. Events come by the million and at any time, so a
feature on them is a small state machine, declared once as three compiled functions:

    init(state, times, parameters)                           before the first event
    step(state, times, parameters, known_time, source, row)  one event
    read(state, times, parameters, now, values)              the values now; must leave the state as it is

`state` are floats, `times` are instants (int64 nanoseconds), `row` the columns of one event and `source` the
place of its table among the feature's sources. The batch form and the one-event-at-a-time form run the same
compiled loop (`event_stream`), so that they agree to the last bit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import DataError, FitError
from pipeline.domain.instruments import FloatArray
from pipeline.features.event_kernel import kernel

TimeArray = NDArray[np.int64]

EVENT_REGISTRY: Final[dict[str, "EventFeature"]] = {}
"""Event features by name, in the order of their declaration; read it through `event_catalogue`."""


@dataclass(frozen=True)
class Source:
    """A canonical table and those of its columns that a feature reads; a list column counts each element."""

    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Output:
    """One number that a feature gives: its column, its units, and its formula in the reference's notation."""

    name: str
    units: str
    formula: str


@dataclass(frozen=True)
class EventRows:
    """Events of one table: `known_time` [E], nanoseconds UTC, never falling, and `columns` [E, k]."""

    known_time: TimeArray
    columns: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "known_time", np.ascontiguousarray(self.known_time, dtype=np.int64))
        object.__setattr__(self, "columns", np.ascontiguousarray(self.columns, dtype=np.float64))
        if self.columns.ndim != 2 or len(self.columns) != len(self.known_time):
            raise DataError(f"events: {len(self.known_time)} times and columns {self.columns.shape}")

    def __len__(self) -> int:
        return len(self.known_time)

    def __getitem__(self, rows: slice | TimeArray) -> "EventRows":
        return EventRows(self.known_time[rows], self.columns[rows])

    @classmethod
    def joined(cls, parts: Sequence["EventRows"]) -> "EventRows":
        """Return several one after the other."""
        known, columns = zip(*((part.known_time, part.columns) for part in parts), strict=True)
        return cls(np.concatenate(known), np.concatenate(columns))


Tables = Mapping[str, EventRows]
Days = Sequence[Iterable[Tables]]
"""Events of days, each in parts that follow one another; they may be gone through more than once."""
Fit = Callable[[Days], FloatArray]
OfDesk = Callable[[float, float], FloatArray]


@dataclass(frozen=True)
class EventFeature:
    """A causal feature on events, of one or more outputs that share a state.

    Attributes
    ----------
    name : of the feature; its outputs have names of their own.
    sources : tables and columns; events known at the same time are taken in the order of the sources. What
        is measured against quotes (trades, fills) stands before them: no sequence of the venue orders the
        two tables, and a quote of a trade's own instant may be its consequence (`ingest.trade_side`).
    outputs : what it gives, in the order of `read`'s values.
    reference : author and year.
    description : one sentence.
    state_size, times_size : lengths of `state` and `times`.
    init, step, read : see the module.
    parameters : constants that the three functions read, [P].
    fit : training events of each day → parameters, or None where nothing is learned; see `fitted`.
    of_desk : a desk's order and reach → parameters, or None where they depend on neither; see `for_desk`.
    module : where it is declared.
    """

    name: str
    sources: tuple[Source, ...]
    outputs: tuple[Output, ...]
    reference: str
    description: str
    state_size: int
    times_size: int
    init: Any
    step: Any
    read: Any
    module: str
    parameters: FloatArray | None = None
    fit: Fit | None = None
    of_desk: OfDesk | None = None
    loop: Any = field(default=None, repr=False)

    def constants(self) -> FloatArray:
        """Return the parameters.

        Raises
        ------
        FitError
            They are learned, and have not been.
        """
        if self.parameters is None:
            raise FitError(f"feature {self.name}: learned from events: call fitted(training tables) first")
        return self.parameters

    def fitted(self, *training: Iterable[Tables]) -> Self:
        """Return the feature with parameters learned from training events; itself where none are learned.

        Each of `training` is one stretch of events, a day say, before which the state begins anew, in parts
        that follow one another.

        Raises
        ------
        FitError
            The events do not suffice.
        """
        if self.fit is None:
            return self
        return replace(self, parameters=np.ascontiguousarray(self.fit(training), dtype=np.float64))

    def for_desk(self, order_size: float, depth_bps: float) -> Self:
        """Return the feature as a desk asks for it; itself where it depends on neither.

        Parameters
        ----------
        order_size : of the orders whose cost and impact are looked at, units of the underlying.
        depth_bps : how far from the mid the depth is counted, bps of mid.
        """
        if self.of_desk is None:
            return self
        return replace(self, parameters=self.of_desk(order_size, depth_bps))

    def start(self) -> tuple[FloatArray, TimeArray]:
        """Return state and times before the first event."""
        state, times = np.zeros(self.state_size), np.zeros(self.times_size, dtype=np.int64)
        self.init(state, times, self.constants())
        return state, times


def event_feature(
    name: str,
    *,
    sources: tuple[Source, ...],
    outputs: tuple[Output, ...],
    reference: str,
    description: str,
    state_size: int,
    functions: tuple[Any, Any, Any],
    times_size: int = 0,
    parameters: tuple[float, ...] = (),
    fit: Fit | None = None,
    of_desk: OfDesk | None = None,
) -> EventFeature:
    """Register and return a feature on events; see `EventFeature` for the arguments.

    `functions` are init, step and read, compiled, at the top of one module.

    Raises
    ------
    ValueError
        The feature or one of its outputs is registered already, or a function is not where it has to be.
    """
    found = EventFeature(
        name=name,
        sources=sources,
        outputs=outputs,
        reference=reference,
        description=description,
        state_size=state_size,
        times_size=times_size,
        init=functions[0],
        step=functions[1],
        read=functions[2],
        module=functions[1].__module__,
        parameters=None if fit else np.array(parameters, dtype=np.float64),
        fit=fit,
        of_desk=of_desk,
        loop=kernel(functions[1], functions[2]),
    )
    taken = {output.name for entry in EVENT_REGISTRY.values() for output in entry.outputs}
    twice = taken.intersection(output.name for output in outputs)
    if name in EVENT_REGISTRY or twice:
        raise ValueError(f"feature {name}: {', '.join(sorted(twice)) or name} is registered twice")
    EVENT_REGISTRY[name] = found
    return found
