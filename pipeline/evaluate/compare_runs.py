"""Two finished runs side by side: what differs in settings, data and code, and what came of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.domain.differences import Difference, differences
from pipeline.domain.errors import DataError
from pipeline.domain.naming import hint
from pipeline.evaluate.report import SUMMARY

METRICS = ("pnl_mean_bps", "market_beta", "pnl_sd_bps", "cvar95_bps", "risk_bps", "cost_bps", "trades")
LATEST = "latest"
CODE = "code"
Summary = Mapping[str, Any]


@dataclass(frozen=True)
class RunComparison:
    """What two runs have in common and what not.

    Attributes
    ----------
    first, second : names of the runs.
    settings, data, code : what differs; empty where nothing does.
    policies : by policy and metric, the values of both runs; None where a run has no such policy.
    """

    first: str
    second: str
    settings: tuple[Difference, ...]
    data: tuple[Difference, ...]
    code: tuple[Difference, ...]
    policies: Mapping[str, Mapping[str, tuple[float | None, float | None]]]


def find_run(reports: Path, name: str) -> Path:
    """Return the folder of a run: a path, `latest`, a run's name, or the beginning of exactly one.

    Raises
    ------
    DataError
        There is no such run, or several begin like this.
    """
    given = Path(name)
    if (given / SUMMARY).is_file():
        return given.resolve()
    if name == LATEST and (reports / LATEST / SUMMARY).is_file():
        return (reports / LATEST).resolve()
    runs = sorted(path.parent.name for path in reports.glob(f"*/{SUMMARY}") if path.parent.name != LATEST)
    found = [run for run in runs if run.startswith(name)] if name else []
    if len(found) == 1:
        return reports / found[0]
    if found:
        raise DataError(f"{name}: {len(found)} runs begin like this: {', '.join(found)}")
    raise DataError(f"{name}: no such run in {reports}; {hint(name, [*runs, LATEST])}")


def read_summary(folder: Path) -> dict[str, Any]:
    """Return the summary of a run, and under `code` the source files and packages that made it.

    Raises
    ------
    DataError
        The files are not those of a run.
    """
    try:
        summary: dict[str, Any] = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        summary["desk"], summary["policies"], _data(summary)
        summary[CODE] = json.loads((folder / f"{CODE}.json").read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError, OSError):
        raise DataError(f"{folder / SUMMARY} is not the summary of a run: run the desk again") from None
    return summary


def compare_runs(first: Summary, second: Summary) -> RunComparison:
    """Compare two summaries (`summary.summarised`).

    Examples
    --------
    >>> run = {"run": "a", "desk": {"seed": 7}, "dataset_keys": {}, "code_version": "1"}
    >>> run |= {"market": {}, "data": {"files": []}, "code": {}, "policies": {}}
    >>> compare_runs(run, {**run, "run": "b", "desk": {"seed": 8}}).settings
    (Difference(key='seed', first='7', second='8'),)
    """
    policies = dict.fromkeys([*first["policies"], *second["policies"]])
    return RunComparison(
        str(first["run"]),
        str(second["run"]),
        differences(first["desk"], second["desk"]),
        differences(_data(first), _data(second)),
        differences(_code(first), _code(second)),
        {
            policy: {
                metric: (_value(first, policy, metric), _value(second, policy, metric)) for metric in METRICS
            }
            for policy in policies
        },
    )


def _data(run: Summary) -> dict[str, Any]:
    """Return the market that a run read, what its bars hold, and what was read of each file.

    The datasets derived from it are no data: their keys differ with the settings and the code too.
    """
    files = {f"{file['table']} file": file for file in run["data"]["files"]}
    market = {name: key for name, key in run["dataset_keys"].items() if name == "market"}
    return {**market, "bars": run["market"], **files}


def _code(run: Summary) -> dict[str, Any]:
    """Return the code of a run by source file and package, and where they are the same nothing."""
    return {"all of it": run["code_version"], **run[CODE]}


def _value(run: Summary, policy: str, metric: str) -> float | None:
    value = run["policies"].get(policy, {}).get(metric)
    return None if value is None else float(value)
