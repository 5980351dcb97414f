"""Run benchmarks, each in a process of its own, and judge them: `python -m benchmarks.run [NAME ...]`.

Every result goes to `benchmarks.json` as soon as it is there. A benchmark that fails does not stop the
others; the exit status is 1 when one failed or a target of a benchmark that was run is not met.
"""

import argparse
import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.child import MISSING_DATA
from benchmarks.machine import THREADS, load, machine_facts
from benchmarks.results import Results
from benchmarks.table import show
from benchmarks.targets import Target, load_targets

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
RESULTS = PROJECT / "data" / "benchmarks.json"


def benchmarks(folder: Path = HERE) -> tuple[str, ...]:
    """Return the modules of the folder that define `measure`, by name."""
    return tuple(path.stem for path in sorted(folder.glob("*.py")) if _measures(path))


def _measures(path: Path) -> bool:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, ast.FunctionDef) and node.name == "measure" for node in body)


def run(benchmark: str, results: Results) -> int:
    """Run one benchmark into `results`; return the exit status of its process."""
    conditions: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "load_before": load(),
        "machine": machine_facts(),
    }
    started, found, reason = perf_counter(), {}, ""
    read, write = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.child", benchmark, str(write)],
        cwd=PROJECT,
        env=os.environ | THREADS | {"PYTHONPATH": _search_path()},
        pass_fds=(write,),
    )
    os.close(write)
    try:
        for line in _lines(read):
            if "name" in line:
                found[line["name"]] = line["record"]
                results.put(line["name"], line["record"] | {"run": conditions | _after(started)})
                results.write()
            else:
                reason = line["reason"]
        status = child.wait()
    except BaseException:
        child.terminate()
        child.wait()
        raise
    for name, record in found.items():
        results.put(name, record | {"run": conditions | _after(started)})
    for name, target in results.targets.items():
        if target.benchmark == benchmark and name not in found:
            nothing = {"ours": None, "peer": None, "ratio": None, "unit": target.unit}
            why = reason or (f"ended with status {status}" if status else "not among its results")
            results.put(name, nothing | {"run": conditions | _after(started)}, why)
    results.write()
    return status


def _lines(descriptor: int) -> Iterator[dict[str, Any]]:
    with os.fdopen(descriptor, encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def _after(started: float) -> dict[str, float]:
    return {"load_after": load(), "seconds": round(perf_counter() - started, 1)}


def _search_path() -> str:
    return os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks named, by default all; return the exit status."""
    offered, targets = benchmarks(), load_targets()
    chosen = _parse(arguments, offered)
    names = tuple(dict.fromkeys(chosen.names)) or _in_order(offered, targets)
    results = Results(chosen.results, targets, names)
    status = {}
    for place, name in enumerate(names, start=1):
        print(f"\n== {name} ({place} of {len(names)}), load {load():g}", flush=True)
        status[name] = run(name, results)
    ran_whole = not chosen.names
    judged = {name for name, target in targets.items() if ran_whole or target.benchmark in names}
    excused = {name for name, code in status.items() if code == MISSING_DATA and chosen.allow_missing}
    failed = [name for name, code in status.items() if code and name not in excused]
    missed = [n for n in targets if n in judged and not results.records[n]["met"] and _of(n) not in excused]
    show(results.records, judged | {n for n in results.records if n not in targets and _of(n) in names})
    for name in failed:
        print(f"benchmark {name} failed: see its messages above", file=sys.stderr)
    print(f"{len(judged) - len(missed)} of {len(judged)} targets met; results in {_shown(chosen.results)}")
    return int(bool(failed or missed))


def _of(name: str) -> str:
    return name.partition(".")[0]


def _in_order(offered: Sequence[str], targets: dict[str, Target]) -> tuple[str, ...]:
    """Return the benchmarks in the order of their targets, then those without."""
    with_target = dict.fromkeys(target.benchmark for target in targets.values())
    return tuple(name for name in dict.fromkeys((*with_target, *offered)) if name in offered)


def _parse(arguments: Sequence[str] | None, offered: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.run", description="Run benchmarks and judge them.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(offered)}; default: all")
    parser.add_argument("--results", type=Path, default=RESULTS, help="default: data/benchmarks.json")
    parser.add_argument(
        "--allow-missing", action="store_true", help="do not fail for market data that is not on this machine"
    )
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in offered:
            parser.error(f"no benchmark {name}: there are {', '.join(offered)}")
    return chosen


def _shown(path: Path) -> str:
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
