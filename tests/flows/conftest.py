"""Real processes for the tests of the flows."""

import os
import sys
from pathlib import Path

import pytest

from tests.processes import clean_environment


@pytest.fixture
def environment(_own_home):
    """The environment of a process that has the project on its path and no Prefect settings."""
    return clean_environment() | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
