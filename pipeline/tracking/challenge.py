"""Whether a retrain's models take the challengers' place, or leave these in it until they are judged."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from pipeline.domain.desk import RiskSettings
from pipeline.domain.desk_file import AnyDesk, hedged
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.monitor.contest import FEWEST, compared, contest
from pipeline.policies.live_choice import followed, named_live
from pipeline.policies.saved_network import LEARNED
from pipeline.tracking.champions import OFFERED, line_of, named_versions, versions_with
from pipeline.tracking.database import connect
from pipeline.tracking.model_source import challenging, sets_of
from pipeline.tracking.promotion import CHALLENGER, CHAMPION
from pipeline.tracking.registry import champion


def why_they_stay(mlruns: Path, evidence: Path, desk: AnyDesk, now: datetime) -> dict[str, str]:
    """Return the models of a desk whose challengers stay in their place, and why.

    One stays while it can still win, by itself or with all that are judged together: no champion of another
    run is younger than it is, it is younger than `promotion.patience_days`, and it has not lost. Who saved
    risk, though not yet beyond doubt, needs more options: evidence of one version says nothing of another, so
    who comes anew begins from nothing.

    Parameters
    ----------
    mlruns, evidence : the registry, and `shadow.jsonl` of the desk.
    desk : settings; of one that does not go live nothing is compared, so nobody stays.
    now : with a zone.
    """
    if not isinstance(desk, IntradayDesk) or not (mlruns / "mlflow.db").is_file():
        return {}
    client, hedger, found = connect(mlruns), followed(desk), dict[str, str]()
    together: Collection[str] = ()
    for models, band in sets_of(challenging(mlruns, desk.name), hedger):
        pairs = _pairs(client, evidence, desk, models, band)
        never = pairs.empty and set(models) <= set(together)  # alone it could not be loaded
        said = "" if never else _can_win(pairs, hedged(desk).risk)
        young = _young(client, desk, models, hedger, now) if said else {}
        found |= {model: f"{said}; {until}" for model, until in young.items() if model not in found}
        together = together or (models if band == hedger else ())
    return found


def _pairs(
    client: MlflowClient, evidence: Path, desk: IntradayDesk, models: Collection[str], band: str
) -> pd.DataFrame:
    """Return what was compared of challengers of some models; `band` is the policy that gives theirs."""
    hedger = followed(desk)
    champions, challengers = (
        named_live(desk, line_of(versions_with(client, desk.name, *which)), which[1])
        for which in (((), hedger), (models, band))
    )
    return compared(evidence, champions, challengers)


def _can_win(pairs: pd.DataFrame, risk: RiskSettings) -> str:
    """Return how far those are who were compared; "" if they have lost."""
    came = contest(pairs, risk)
    if came.lost:
        return ""
    if came.options < FEWEST:
        return f"{came.options} of {FEWEST} options were compared"
    return "; ".join(came.failed) or "it has won"


def _young(
    client: MlflowClient, desk: IntradayDesk, models: Collection[str], hedger: str, now: datetime
) -> dict[str, str]:
    """Return until when the challengers of some models stay, those that are not too old."""
    champions = named_versions(client, desk.name, CHAMPION, hedger)
    of = {*OFFERED, *LEARNED, hedger}
    waiting = {model: champion(client, f"{desk.name}.{model}", CHALLENGER) for model in of}
    runs = {each.run_id for each in waiting.values() if each}
    newest = max((_made(each) for each in champions.values() if each.run_id not in runs), default=None)
    found = {}
    for model in models:
        version = waiting[model]
        made = _made(version) if version else now
        until = made + timedelta(days=desk.promotion.patience_days)
        if now < until and not (newest and newest > made):
            found[model] = f"newer ones take its place from {until:%Y-%m-%d %H:%M} UTC on, or with anew"
    return found


def _made(version: ModelVersion) -> datetime:
    """Return when a version was registered."""
    return datetime.fromtimestamp(version.creation_timestamp / 1e3, UTC)
