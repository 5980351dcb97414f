"""Every decision that was made, one JSON file each: written whole, never changed."""

import json
import os
import uuid
from pathlib import Path

from pipeline.domain.errors import StoreError
from pipeline.live.decision import Decision


def log_decision(folder: Path, decision: Decision) -> Path:
    """Write a decision into the desk's folder under `folder` and return the file.

    The name starts with the session and the time of the decision, so that names sort by time. The file
    appears whole or not at all, and never takes the place of another.

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    made = decision.decided_at.replace(":", "").replace("-", "").removesuffix("+0000")
    after = decision.session.removesuffix(" UTC").replace(" ", "T").replace(":", "")
    name = f"{after}-decided-{made}-{uuid.uuid4().hex[:6]}.json"
    final = folder / decision.desk / name
    building = final.with_name(f".{name}.building")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with building.open("x", encoding="utf-8") as file:
            file.write(decision_as_json(decision))
            file.flush()
            os.fsync(file.fileno())
        building.rename(final)
    except OSError as error:
        building.unlink(missing_ok=True)
        raise StoreError(f"{final}: the decision cannot be written: {error.strerror}") from None
    return final


def decision_as_json(decision: Decision) -> str:
    """Return a decision as JSON text."""
    return json.dumps(decision.as_dict(), indent=2, allow_nan=False) + "\n"
