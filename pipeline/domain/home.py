"""Where runs read and write."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Home:
    """The folder under which everything is written: `data/` and `mlruns/`."""

    root: Path

    @property
    def data(self) -> Path:
        """Datasets, reports and Prefect's own files."""
        return self.root / "data"

    @property
    def mlruns(self) -> Path:
        """MLflow's database and artifacts."""
        return self.root / "mlruns"

    @classmethod
    def find(cls, explicit: Path | None = None) -> "Home":
        """Return `explicit`, else what is `meant`, `HEDGE_HOME`, the enclosing project, the current folder.

        Examples
        --------
        >>> Home.find(Path("/tmp")).data.as_posix()
        '/tmp/data'
        """
        if explicit is not None:
            return cls(explicit.expanduser().resolve())
        if (meant := _MEANT.get()) is not None:
            return meant
        if named := os.environ.get("HEDGE_HOME"):
            return cls(Path(named).expanduser().resolve())
        here = Path.cwd().resolve()
        for folder in (here, *here.parents):
            if _is_this_project(folder):
                return cls(folder)
        return cls(here)

    @contextmanager
    def meant(self) -> Iterator[None]:
        """Be the home of all that names none until the end of the block: networks are looked up there.

        Examples
        --------
        >>> with Home(Path("/elsewhere")).meant():
        ...     Home.find().mlruns.as_posix()
        '/elsewhere/mlruns'
        """
        before = _MEANT.set(self)
        try:
            yield
        finally:
            _MEANT.reset(before)


_MEANT: Final[ContextVar[Home | None]] = ContextVar("meant", default=None)


def _is_this_project(folder: Path) -> bool:
    project = folder / "pyproject.toml"
    return project.is_file() and 'name = "regime-hedge"' in project.read_text(encoding="utf-8")
