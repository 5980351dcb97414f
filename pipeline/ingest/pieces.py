"""Pieces of a stage's work: what a window was learned from says whether it must be learned again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import pandas as pd

from pipeline.ingest.content import Known
from pipeline.ingest.dataset import Output
from pipeline.ingest.parts import Parts, as_arrow, whole
from pipeline.ingest.time_order import RowGroup, groups_of


class Piece(Protocol):
    """What a piece of work gave: tables and other files by name.

    Attributes
    ----------
    key : under which it is kept; empty where it is not.
    """

    key: str

    def __iter__(self) -> Iterator[str]:
        """Return the names of the tables."""
        ...

    def __getitem__(self, table: str) -> pd.DataFrame:
        """Return a table."""
        ...

    def read_bytes(self, file: str) -> bytes:
        """Return the content of a file that is not a table."""
        ...


class TimedPiece(Piece, Protocol):
    """A piece whose tables of timed rows may be read a group at a time."""

    def groups(self, table: str) -> Sequence[RowGroup]:
        """Return the groups of rows of a table in order."""
        ...


class Pieces(Protocol):
    """How a stage does a piece of its work: anew, or from the dataset store where that has it.

    A piece is `build(**arguments)`, a plain function of a module whose answer depends on the content of its
    arguments only. `DatasetStore.pieces` gives one that keeps them.
    """

    def __call__(self, name: str, build: Callable[..., Output], **arguments: Any) -> Piece:
        """Return what `build(**arguments)` gives."""
        ...


class Shelf(Protocol):
    """What opens pieces by their key, here and on another machine."""

    def open(self, key: str) -> TimedPiece:
        """Return a piece that was made before."""
        ...


class KeptPieces(Pieces, Protocol):
    """Pieces that stay and can be opened again by their key, so that only keys travel between stages.

    Attributes
    ----------
    shelf : opens the units of work that `partitions` returned.
    """

    @property
    def shelf(self) -> Shelf:
        """What opens the units of work that `partitions` returned."""
        ...

    def partitions(
        self,
        name: str,
        build: Callable[..., Output | Parts],
        instrument: str,
        units: Mapping[str, Mapping[str, Any]],
        **shared: Any,
    ) -> Sequence[Piece]:
        """Return `build(**shared, **own)` of every unit of work by its label, in order.

        A unit is independent of the others, so they may be done anywhere and in any order. `build` returns
        tables only, named `<table>/<day>` where they are rows of a day of `instrument`; those that may not
        fit into memory as `parts.Parts`.
        """
        ...


class InMemory:
    """`KeptPieces` of a stage without a store: what was made stays as long as this does.

    Examples
    --------
    >>> InMemory().open("day-1")
    Traceback (most recent call last):
    ...
    KeyError: 'day-1'
    """

    def __init__(self) -> None:
        self._made: dict[str, Made] = {}

    def __call__(self, name: str, build: Callable[..., Output | Parts], **arguments: Any) -> "Made":
        """Do the piece of work and keep it."""
        key = f"{name}-{len(self._made)}"
        self._made[key] = Made(whole(build(**plain_arguments(arguments))), key)
        return self._made[key]

    @property
    def shelf(self) -> "InMemory":
        """What opens the units of work: itself."""
        return self

    def partitions(
        self,
        name: str,
        build: Callable[..., Output | Parts],
        instrument: str,
        units: Mapping[str, Mapping[str, Any]],
        **shared: Any,
    ) -> list["Made"]:
        """Do every unit of work and keep it."""
        return [self(f"{name}/{instrument}/{label}", build, **shared, **own) for label, own in units.items()]

    def open(self, key: str) -> "Made":
        """Return a piece that was made before."""
        return self._made[key]


class Made:
    """A piece of work that was just done and is not kept on disk.

    Examples
    --------
    >>> Made({"note.txt": b"x"}).read_bytes("note.txt")
    b'x'
    """

    def __init__(self, output: Output, key: str = "") -> None:
        self.key = key
        self._tables = {name: each for name, each in output.items() if isinstance(each, pd.DataFrame)}
        self._files = {name: each for name, each in output.items() if isinstance(each, bytes)}

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self._tables[table]

    def groups(self, table: str) -> list[RowGroup]:
        """Return the rows of a table as groups."""
        return groups_of(as_arrow(self._tables[table]))

    def read_bytes(self, file: str) -> bytes:
        """Return the content of a file that is not a table."""
        return self._files[file]


def anew(name: str, build: Callable[..., Output], **arguments: Any) -> Piece:
    """Do the piece of work and keep nothing: `Pieces` of a stage without a store."""
    return Made(build(**plain_arguments(arguments)))


def plain_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments as `build` takes them."""
    return {key: each.value if isinstance(each, Known) else each for key, each in arguments.items()}
