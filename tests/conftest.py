"""What all tests share: no test writes into the project, and every test sees the same random draws."""

from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, print_blob=True, max_examples=50
)
hypothesis.settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test a home of its own, so that nothing is written under the project."""
    home: Path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HEDGE_HOME", str(home))
    return home
