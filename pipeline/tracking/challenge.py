"""Whether a retrain's models take the challengers' place, or leave these in it until they are judged."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion

from pipeline.domain.desk_file import AnyDesk, hedged
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.monitor.contest import FEWEST, compared, contest
from pipeline.policies.live_choice import named_live
from pipeline.tracking.champions import line_of, named_versions
from pipeline.tracking.database import connect
from pipeline.tracking.promotion import CHALLENGER


def why_they_stay(mlruns: Path, evidence: Path, desk: AnyDesk, now: datetime) -> str:
    """Return why the challengers of a desk stay in their place; "" where newer models take it.

    They stay while they can still win: no champion of another run is younger than they are, they are younger
    than `promotion.patience_days`, their monitors raised no critical alarm, and too few options were compared
    or they have won. Evidence of one version says nothing of another, so who comes anew begins from nothing.

    Parameters
    ----------
    mlruns, evidence : the registry, and `shadow.jsonl` of the desk.
    desk : settings; of one that does not go live nothing is compared, so nobody stays.
    now : with a zone.
    """
    if not isinstance(desk, IntradayDesk) or not (mlruns / "mlflow.db").is_file():
        return ""
    client = connect(mlruns)
    champions, challengers = (named_versions(client, desk.name, *alias) for alias in ((), (CHALLENGER,)))
    runs = {each.run_id for each in challengers.values()}
    others = {model: each for model, each in champions.items() if each.run_id not in runs}
    if not challengers or (others and _made(others) > _made(challengers)):
        return ""
    until = _made(challengers) + timedelta(days=desk.promotion.patience_days)
    lines = (named_live(desk, line_of(each)) for each in (champions, champions | challengers))
    pairs = compared(evidence, *lines)
    came = contest(pairs, hedged(desk).risk)
    lost = pairs["alarms"].sum() or (came.failed and came.options >= FEWEST)
    if now >= until or lost:
        return ""
    said = f"{came.options} of {FEWEST} options were compared" if came.failed else "they have won"
    return f"{said}; newer ones take their place from {until:%Y-%m-%d %H:%M} UTC on, or with anew"


def _made(versions: Mapping[str, ModelVersion]) -> datetime:
    """Return when the youngest of some versions was registered."""
    return datetime.fromtimestamp(max(each.creation_timestamp for each in versions.values()) / 1e3, UTC)
