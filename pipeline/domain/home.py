"""Where runs read and write."""

import os
from dataclasses import dataclass
from pathlib import Path


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
        """Return `explicit`, else `HEDGE_HOME`, else the enclosing project, else the current folder.

        Examples
        --------
        >>> Home.find(Path("/tmp")).data.as_posix()
        '/tmp/data'
        """
        if explicit is not None:
            return cls(explicit.expanduser().resolve())
        if named := os.environ.get("HEDGE_HOME"):
            return cls(Path(named).expanduser().resolve())
        here = Path.cwd().resolve()
        for folder in (here, *here.parents):
            if _is_this_project(folder):
                return cls(folder)
        return cls(here)


def _is_this_project(folder: Path) -> bool:
    project = folder / "pyproject.toml"
    return project.is_file() and 'name = "regime-hedge"' in project.read_text(encoding="utf-8")
