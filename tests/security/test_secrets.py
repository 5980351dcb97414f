"""What a desk keeps for itself is in nothing that a run leaves: data, logs, reports and MLflow."""

import pytest

from tests.processes import TOKEN


@pytest.mark.slow
def test_the_token_is_in_nothing_that_a_run_leaves(finished):
    assert TOKEN not in finished.stdout + finished.stderr
    files = [each for each in finished.home.rglob("*") if each.is_file()]
    assert {"mlflow.db", "report.html", "server.log"} <= {each.name for each in files}
    assert [each for each in files if TOKEN.encode() in each.read_bytes()] == []
