"""Real processes and a real Prefect for the tests of the flows."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

import pipeline

PLACE = tempfile.TemporaryDirectory(prefix="prefect-")
os.environ["PREFECT_HOME"] = PLACE.name  # read once, when Prefect is imported: not under the project

from prefect.testing.utilities import prefect_test_harness  # noqa: E402

PROJECT = Path(pipeline.__file__).parents[1]


@pytest.fixture
def environment(_own_home):
    """The environment of a process that has the project on its path and no Prefect settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "MLFLOW_"))}
    return {**kept, "PYTHONPATH": str(PROJECT), "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}


@pytest.fixture(scope="session")
def prefect():
    """A Prefect database of its own for flows that run in the test's process."""
    with prefect_test_harness(server_startup_timeout=90):
        yield
