import pandas as pd
import pytest

from flows.deployments import deployments_for
from flows.schedule import daily_schedule


@pytest.mark.parametrize(
    ("calendar", "today", "cron", "zone"),
    [
        ("XNYS", "2018-11-30", "30 16 * * 1-5", "America/New_York"),  # with a half day
        ("XLON", "2024-06-03", "0 17 * * 1-5", "Europe/London"),
        ("XTKS", "2024-06-03", "30 15 * * 1-5", "Asia/Tokyo"),
        ("XTKS", "2025-06-03", "0 16 * * 1-5", "Asia/Tokyo"),  # it closes at 15:30 since November 2024
        ("XSAU", "2024-06-03", "30 15 * * 0,1,2,3,4", "Asia/Riyadh"),  # Sunday to Thursday
    ],
)
def test_the_decision_is_half_an_hour_after_the_usual_close_of_the_desks_exchange(
    calendar, today, cron, zone
):
    assert daily_schedule(calendar, pd.Timestamp(today)) == {"cron": cron, "timezone": zone}


def test_all_deployments_of_a_desk_are_in_the_zone_of_its_exchange():
    tokyo = {"cron": "0 16 * * 1-5", "timezone": "Asia/Tokyo"}
    made = deployments_for("/desks/own.toml", "own", tokyo)["deployments"]
    schedules = {each["entrypoint"]: each["schedules"] for each in made if "schedules" in each}
    assert schedules == {
        "flows.decision.daily_decision": [tokyo],
        "flows.hedge_pipeline.weekly_retrain": [{"cron": "0 8 * * 6", "timezone": "Asia/Tokyo"}],
    }


@pytest.mark.parametrize("approval", [False, True])
def test_a_weekly_retrain_crowns_nobody_where_a_person_has_to_approve_it(approval):
    daily = {"cron": "0 17 * * 1-5", "timezone": "Europe/London"}
    made = deployments_for("/desks/own.toml", "own", daily, approval)["deployments"]
    (weekly,) = (each for each in made if each["entrypoint"].endswith("weekly_retrain"))
    assert weekly["parameters"].get("challenge", False) is approval
    assert ("challengers" in weekly["description"]) is approval
