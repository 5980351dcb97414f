"""The deployments of a checkout, as `prefect.yaml` says they are made on a server of one's own."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.processes import PROJECT


@pytest.mark.slow
def test_all_deployments_of_a_checkout_are_made_with_their_schedules(prefect, environment, tmp_path):
    environment |= {"PREFECT_API_URL": prefect, "PREFECT_HOME": str(tmp_path / "client")}
    for words in (
        ("work-pool", "create", "hedge", "--type", "process", "--set-as-default"),
        ("--no-prompt", "deploy", "--all"),
    ):
        command = [str(Path(sys.executable).with_name("prefect")), *words]
        made = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
        assert made.returncode == 0, made.stdout + made.stderr
    request = urllib.request.Request(
        f"{prefect}/deployments/filter", b"{}", {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found = {each["entrypoint"]: each for each in json.load(answer)}
    crons = {place: [x["schedule"]["cron"] for x in each["schedules"]] for place, each in found.items()}
    assert crons == {
        "flows.decision.daily_decision": ["30 16 * * 1-5"],
        "flows.hedge_pipeline.weekly_retrain": ["0 8 * * 6"],
        "flows.hedge_pipeline.retrain": [],
        "flows.approval.approval": [],
    }
    for each in found.values():
        assert (each["name"], each["work_pool_name"]) == ("spx-daily", "hedge")
        assert each["parameters"]["desk"] == "spx-daily"
