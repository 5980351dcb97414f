import json
import subprocess
import sys

import pytest

SCRIPT = "import flows, json, os; print(json.dumps(dict(os.environ)))"


def environment_after_import(environment, **settings):
    child = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**environment, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(child.stdout)


def test_importing_the_flows_is_enough_to_send_nothing_home(environment):
    found = environment_after_import(environment)
    assert found["DO_NOT_TRACK"] == "true"
    assert found["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert found["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert found["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] == "90"


def test_prefects_files_lie_under_the_home(environment):
    found = environment_after_import(environment)
    assert found["PREFECT_HOME"] == f"{environment['HEDGE_HOME']}/data/.prefect"


@pytest.mark.parametrize(
    ("settings", "prefect_home"),
    [({"PREFECT_HOME": "/elsewhere"}, "/elsewhere"), ({"PREFECT_API_URL": "http://127.0.0.1:1/api"}, None)],
)
def test_what_the_user_set_stays(environment, settings, prefect_home):
    found = environment_after_import(environment, **settings, PREFECT_SERVER_ANALYTICS_ENABLED="true")
    assert found.get("PREFECT_HOME") == prefect_home
    assert found["PREFECT_SERVER_ANALYTICS_ENABLED"] == "true"


def test_prefect_is_not_imported_by_looking_at_the_environment(environment):
    script = "import flows.environment, sys; print('prefect' in sys.modules, 'pandas' in sys.modules)"
    child = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert child.stdout.split() == ["False", "False"]
