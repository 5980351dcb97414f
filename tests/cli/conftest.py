"""The command as a process of its own, or in this one; and one finished run of the small desk."""

import subprocess
import sys

import pytest

from tests.processes import MAIN, clean_environment, hedge_in_this_process


@pytest.fixture(scope="session")
def hedge(tmp_path_factory):
    """Return a function that runs or starts `hedge …` as a process of its own; with `server`, on that one."""
    environment = clean_environment() | {"COLUMNS": "100"}
    folder = tmp_path_factory.mktemp("cwd")

    def command(*arguments, start=False, code=MAIN, server=None):
        line = [sys.executable, "-c", code, *map(str, arguments)]
        own = environment | ({"PREFECT_API_URL": server} if server else {})
        settings = {"env": own, "cwd": folder, "text": True, "start_new_session": True}
        settings |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(line, **settings) if start else subprocess.run(line, **settings)

    return command


@pytest.fixture(scope="session")
def hedge_here():
    """Return a function that runs `hedge …` in this process: what it says and decides, without the start."""
    return hedge_in_this_process


@pytest.fixture
def served(prefect, monkeypatch):
    """A server for the flows of commands that run in this process."""
    monkeypatch.setenv("PREFECT_API_URL", prefect)


@pytest.fixture(scope="module")
def home(finished, tmp_path_factory):
    """A home of the room's own with a finished run of the small desk."""
    return finished.copied(tmp_path_factory.mktemp("home"))


@pytest.fixture
def variant(small_desk, tmp_path):
    """Return a function that writes a copy of the small desk with other lines."""

    def write(old, new):
        text = small_desk.read_text()
        assert old in text
        path = tmp_path / "variant.toml"
        path.write_text(text.replace(old, new).replace('name = "small"', 'name = "variant"'))
        return path

    return write
