"""A live desk takes its market and features from the store whether Prefect is there or not."""

import subprocess
import sys


def test_datasets_are_asked_for_without_prefect():
    code = "import flows.datasets, flows.works, sys; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
