"""Who is the champion: challengers that take over, and the way back, all written down in MLflow."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import mlflow
from mlflow import MlflowClient

from pipeline.domain.errors import StoreError
from pipeline.ingest.file_lock import file_lock
from pipeline.policies.catalogue import FLAGSHIP, POLICIES
from pipeline.tracking.database import connect, experiment_id
from pipeline.tracking.runs import tracked_run

CHAMPION, CHALLENGER = "champion", "challenger"
HISTORY: Final = "champions"
"""Tag of a registered model: its last champions in order, as JSON."""
KEPT: Final = 20
LOCK: Final = ".champions.lock"
"""Held while aliases move, so that nobody reads half of a change."""
RUN: Final = "a run"
"""Why those are champions that a run made at once."""


@dataclass(frozen=True)
class Change:
    """A registered model whose champion has changed; None was none."""

    model: str
    before: str | None
    after: str | None


def aliased(client: MlflowClient, desk: str, alias: str) -> dict[str, str]:
    """Return the versions of a desk's registered models that have an alias, by name."""
    found = client.search_registered_models(f"name LIKE '{desk}.%'")  # finds desks of like names too
    own = (each for each in found if each.name.rpartition(".")[0] == desk)
    return {each.name: str(each.aliases[alias]) for each in own if alias in each.aliases}


def crown(client: MlflowClient, mlruns: Path, versions: Mapping[str, str], why: str) -> list[Change]:
    """Make versions the champions of their registered models, all at once, and remember those before.

    Who was a challenger is none any more.
    """
    at = datetime.now(UTC).isoformat(timespec="microseconds")
    changes = []
    with file_lock(mlruns / LOCK):
        for model, version in versions.items():
            past = _history(client, model)
            before = str(past[-1]["version"]) if past else None
            past.append({"version": version, "at": at, "why": why})
            client.set_registered_model_tag(model, HISTORY, json.dumps(past[-KEPT:]))
            client.set_registered_model_alias(model, CHAMPION, version)
            if str(client.get_registered_model(model).aliases.get(CHALLENGER)) == version:
                client.delete_registered_model_alias(model, CHALLENGER)
            changes.append(Change(model, before, version))
    return changes


def promote_challengers(
    mlruns: Path,
    desk: str,
    who: str,
    why: str,
    model: str | None = None,
    evidence: Mapping[str, Any] | None = None,
    meant: Mapping[str, str] | None = None,
    hedger: str = "",
) -> list[Change]:
    """Let the challengers of a desk that are judged together, or that of one model, take over.

    `meant` are the `challengers` that were judged; where others have taken their place nothing is done.
    `hedger` is told to these too.

    Raises
    ------
    StoreError
        There is none, or they are others by now.
    """
    client = _connected(mlruns, desk)
    chosen = challengers(mlruns, desk, model, hedger)
    if meant is not None and chosen != meant:
        raise StoreError(f"desk {desk} has other challengers by now than were judged: promote again")
    changes = crown(client, mlruns, chosen, f"{who}: {why}")
    _record(client, mlruns, desk, "promotion", who, why, changes, evidence or {})
    return changes


def challengers(mlruns: Path, desk: str, model: str | None = None, hedger: str = "") -> dict[str, str]:
    """Return the versions of a desk's challengers that are judged together, or of one model, by name.

    Hedgers are judged one by one, but for the flagship and the `hedger` that gives the desk's band.

    Raises
    ------
    StoreError
        There is none.
    """
    waiting = aliased(_connected(mlruns, desk), desk, CHALLENGER)
    models = {name: name.rpartition(".")[2] for name in waiting}
    meant = set(models.values()) - (set(POLICIES) - {FLAGSHIP, hedger}) if model is None else {model}
    chosen = {name: version for name, version in waiting.items() if models[name] in meant}
    if not chosen:
        what = f"{desk}.{model}" if model else f"desk {desk}"
        there = f"; there are {', '.join(waiting)}" if waiting else ": the retrain flow registers them"
        there += ", name one with --model" if waiting and model is None else ""
        raise StoreError(f"{what} has no challenger{there}")
    return chosen


def roll_back(mlruns: Path, desk: str, who: str, why: str) -> list[Change]:
    """Take back the last change of a desk's champions: all that changed with it.

    A model that had no champion before its promotion has none again; one that came with a run stays.

    Raises
    ------
    StoreError
        There is no earlier champion.
    """
    client = _connected(mlruns, desk)
    with file_lock(mlruns / LOCK):
        pasts = {name: _history(client, name) for name in aliased(client, desk, CHAMPION)}
        newest = max((past[-1]["at"] for past in pasts.values() if past), default="")
        changed = {name: past for name, past in pasts.items() if past and past[-1]["at"] == newest}
        back = {name: past for name, past in changed.items() if len(past) > 1 or past[-1]["why"] != RUN}
        if not back:
            raise StoreError(
                f"desk {desk} has no champion before the last change: there is nothing to go back to"
            )
        changes = []
        for name, past in back.items():
            left = str(past.pop()["version"])
            version = str(past[-1]["version"]) if past else None
            client.set_registered_model_tag(name, HISTORY, json.dumps(past))
            if version is None:
                client.delete_registered_model_alias(name, CHAMPION)
            else:
                client.set_registered_model_alias(name, CHAMPION, version)
            changes.append(Change(name, left, version))
    _record(client, mlruns, desk, "rollback", who, why, changes, {})
    return changes


def _connected(mlruns: Path, desk: str) -> MlflowClient:
    if not (mlruns / "mlflow.db").is_file():
        raise StoreError(f"desk {desk} has no models yet in {mlruns}: `hedge run` makes them")
    return connect(mlruns)


def _history(client: MlflowClient, model: str) -> list[dict[str, str]]:
    found = client.get_registered_model(model)
    told = found.tags.get(HISTORY)
    if told is not None:
        past: list[dict[str, str]] = json.loads(told)
        return past
    version = found.aliases.get(CHAMPION)
    return (
        [] if version is None else [{"version": str(version), "at": "", "why": "before there was a history"}]
    )


def _record(
    client: MlflowClient,
    mlruns: Path,
    desk: str,
    kind: str,
    who: str,
    why: str,
    changes: list[Change],
    evidence: Mapping[str, Any],
) -> None:
    """Open a run that says who changed what, why, and on which evidence."""
    experiment = experiment_id(client, mlruns, desk)
    with tracked_run(experiment, f"{kind}-{desk}", {"desk": desk, "kind": kind, "who": who, "why": why}):
        mlflow.log_dict(
            {"changes": [vars(each) for each in changes], "evidence": dict(evidence)}, f"{kind}.json"
        )
