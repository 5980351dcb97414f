"""The process of one benchmark: hands every measurement to the runner as a line of JSON."""

import importlib
import json
import os
import sys
import traceback
from collections.abc import Iterable
from typing import Any

from benchmarks.measurement import Measurement, MissingDataError

MISSING_DATA = 3
"""Exit status that says: not measured, the data is not on this machine."""


def main(benchmark: str, descriptor: int) -> int:
    """Measure `benchmark`, writing one line a result to `descriptor`; return the exit status."""
    with os.fdopen(descriptor, "w", encoding="utf-8") as lines:

        def hand_over(**line: Any) -> None:
            print(json.dumps(line, allow_nan=False), file=lines, flush=True)

        try:
            measured: Iterable[Measurement] = importlib.import_module(f"benchmarks.{benchmark}").measure()
            for measurement in measured:
                if measurement.benchmark != benchmark:
                    raise ValueError(f"{measurement.name} does not begin with {benchmark}")
                hand_over(name=measurement.name, record=measurement.record())
        except MissingDataError as missing:
            hand_over(reason=str(missing))
            return MISSING_DATA
        except Exception as error:
            traceback.print_exc()
            hand_over(reason=f"{type(error).__name__}: {error}".splitlines()[0])
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
