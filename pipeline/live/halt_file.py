"""A halt that a journal could not take, in a file beside it until it can."""

from dataclasses import astuple
from pathlib import Path
from typing import Final

import orjson

from pipeline.risk.state import Latch, RiskState

SUFFIX: Final = "-halted"
"""What the name of a journal has more in that of the file."""


def put_by(journal: Path, latch: Latch) -> None:
    """Keep a turn of the risk state beside a journal.

    Raises
    ------
    OSError
        That cannot be written either.
    """
    _file(journal).write_bytes(orjson.dumps(astuple(latch)))


def put_by_in(journal: Path) -> Latch | None:
    """Return the turn that is kept beside a journal; one that cannot be read is a halt, None is none.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     put_by(Path(folder, "journal.db"), Latch(RiskState.HALTED, "journal", "the server is gone", 7))
    ...     print(put_by_in(Path(folder, "journal.db")).why, put_by_in(Path(folder, "another.db")))
    the server is gone None
    """
    file = _file(journal)
    try:
        state, who, why, at = orjson.loads(file.read_bytes())
        return Latch(RiskState(state), who, why, at)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        return Latch(RiskState.HALTED, "journal", f"{file} cannot be read: {error}", 0)


def settled(journal: Path) -> None:
    """Remove what is kept beside a journal, which has it now."""
    _file(journal).unlink(missing_ok=True)


def _file(journal: Path) -> Path:
    return journal.with_name(f"{journal.name}{SUFFIX}")
