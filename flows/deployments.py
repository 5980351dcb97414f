"""What `hedge up` deploys: the shipped `prefect.yaml`, for any desk."""

import hashlib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

import flows

FILE = "prefect.yaml"
RESOURCE = "hedge.desk"
"""Of the events of a live desk, followed by its name."""
DECISION = "flows.decision.daily_decision"
WEEKLY = "flows.hedge_pipeline.weekly_retrain"


def deployments_for(desk: str, name: str, daily: Mapping[str, str], approval: bool = False) -> dict[str, Any]:
    """Return what `prefect.yaml` holds, for another desk; own data are never accepted stale.

    Parameters
    ----------
    desk, name : what the flows are given, and the name of the desk and of its deployments.
    daily : `cron` and `timezone` of the decision, of `schedule.daily_schedule`; the weekly retrain is in its
        zone. Without `cron` no decision is deployed: a desk within the day has no such hour, goes live, and
        its weekly retrain makes challengers.
    approval : a person has to approve every champion: then any weekly retrain makes challengers.

    Examples
    --------
    >>> daily = {"cron": "0 17 * * 1-5", "timezone": "Europe/London"}
    >>> made = deployments_for("/desks/mine.toml", "mine", daily)["deployments"]
    >>> {each["name"] for each in made}, made[0]["parameters"]
    ({'mine'}, {'desk': '/desks/mine.toml'})
    """
    content: dict[str, Any] = yaml.safe_load(_shipped_file().read_text(encoding="utf-8"))
    if "cron" not in daily:
        content["deployments"] = [x for x in content["deployments"] if x["entrypoint"] != DECISION]
    for each in content["deployments"]:
        if ("cron" not in daily or approval) and each["entrypoint"] == WEEKLY:
            each["parameters"]["challenge"] = True
            each["description"] = each["description"].replace("the champions", "challengers")
        for trigger in each.get("triggers", ()):
            trigger["name"] = f"retrain {name} after an alarm"
            trigger["match"]["prefect.resource.id"] = f"{RESOURCE}.{name}"
        for schedule in each.get("schedules", ()):
            schedule["timezone"] = daily["timezone"]
            if each["entrypoint"] == DECISION:
                schedule["cron"] = daily["cron"]
        if each["parameters"]["desk"] != desk:
            each["parameters"].pop("allow_stale", None)
            each["parameters"]["desk"], each["name"] = desk, name
    return content


def version_of(content: str) -> str:
    """Return a SHA-256 of a deployment file, the flows' code and Prefect: what deploying it depends on."""
    digest = hashlib.sha256(f"{metadata.version('prefect')}\0{content}".encode())
    for source in sorted(Path(flows.__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _shipped_file() -> Path:
    """Return the deployments: in the wheel beside the flows, in a checkout at its top."""
    beside = Path(flows.__file__).parent / FILE
    return beside if beside.is_file() else beside.parents[1] / FILE
