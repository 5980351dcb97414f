"""Where the benchmarks' market data lies: `../shared/data` beside the project, never inside it."""

from pathlib import Path

from benchmarks.measurement import MissingDataError

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared(*parts: str) -> Path:
    """Return a file or folder of the shared data.

    Raises
    ------
    MissingDataError
        It is not on this machine; the runner records that instead of figures.
    """
    path = SHARED.joinpath(*parts)
    if not path.exists():
        raise MissingDataError(f"../shared/data/{'/'.join(parts)} is not there")
    return path
