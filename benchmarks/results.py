"""`benchmarks.json`: every result by name, judged, replaced whole whenever one more is known."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.targets import Target

Record = dict[str, Any]


class Results:
    """The results of this run, over earlier ones of benchmarks that it does not run, judged anew.

    Parameters
    ----------
    path : where they are kept; a file that is no JSON is an error, not an empty start.
    targets : by name; each has a record from the start, so that one without a result shows and fails.
    benchmarks : those of this run: earlier results of theirs are dropped, as are those whose target is gone.
    """

    def __init__(self, path: Path, targets: Mapping[str, Target], benchmarks: tuple[str, ...]) -> None:
        self.path, self.targets = path, targets
        earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.records: dict[str, Record] = {}
        for name, record in earlier.items():
            dropped = record["target"] is not None and name not in targets
            if name.partition(".")[0] not in benchmarks and not dropped:
                self.put(name, record)
        for name, target in targets.items():
            if name not in self.records:
                self.put(name, {"ours": None, "peer": None, "ratio": None, "unit": target.unit}, "no result")
        self.write()

    def put(self, name: str, record: Mapping[str, Any], reason: str = "") -> None:
        """Judge a record and keep it; `reason` says why it has no figure."""
        target = self.targets.get(name)
        judged = dict(record) | ({"reason": reason} if reason else {})
        if target is None:
            self.records[name] = judged | {"target": None, "met": None}
            return
        if judged["unit"] != target.unit:
            judged["reason"] = f"measured in {judged['unit']}, the target is in {target.unit}"
        met = target.met(judged) and judged["unit"] == target.unit
        self.records[name] = judged | {"target": target.written(), "met": met}

    def write(self) -> None:
        """Replace the file by what is known now; a reader never sees half of it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        ordered = {name: self.records[name] for name in (*self.targets, *self._without_target())}
        part.write_text(json.dumps(ordered, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        part.replace(self.path)

    def _without_target(self) -> list[str]:
        return sorted(name for name in self.records if name not in self.targets)
