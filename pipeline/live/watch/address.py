"""Where a running desk answers: a small file beside its journal."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ADDRESS: Final = "address.json"


@contextmanager
def announced(folder: Path, url: str) -> Iterator[None]:
    """Let others find the desk whose journal lies in `folder`, until it ends."""
    place, building = folder / ADDRESS, folder / f".{ADDRESS}.{os.getpid()}"
    building.write_text(json.dumps({"url": url, "process": os.getpid()}) + "\n", encoding="utf-8")
    building.chmod(0o600)
    building.replace(place)
    try:
        yield
    finally:
        place.unlink(missing_ok=True)


def address(folder: Path) -> str | None:
    """Return where the desk whose journal lies in `folder` answers; None where it has not said so."""
    try:
        url = json.loads((folder / ADDRESS).read_text(encoding="utf-8"))["url"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(url)
