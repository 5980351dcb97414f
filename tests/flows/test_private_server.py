import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import psutil
import pytest

HOLD = """
import signal
import sys
from pathlib import Path
from flows.private_server import PrivateServer
server = PrivateServer(Path(sys.argv[1]))
signal.signal(signal.SIGINT, signal.SIG_IGN)
server.wait()
print(server.url, server._process.pid, flush=True)
input()
"""


def gone(pid, seconds=15.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def held(environment, prefect_home, tmp_path):
    """A process that holds a private server, the server's address and its process id."""
    command = [sys.executable, "-c", HOLD, str(prefect_home(tmp_path / "prefect"))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes, start_new_session=True) as holder:
        url, pid = holder.stdout.readline().split()
        yield holder, url, int(pid)
        holder.kill()


def answers(url):
    with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:
        return answer.read() == b"true"


@pytest.mark.slow
def test_the_server_is_shielded_from_ctrl_c_and_ends_with_its_process(held):
    holder, url, pid = held
    assert url.startswith("http://127.0.0.1:")
    assert answers(url)
    os.killpg(holder.pid, signal.SIGINT)
    time.sleep(1.0)
    assert answers(url)
    holder.communicate("\n", timeout=30)
    assert holder.returncode == 0
    assert gone(pid)
    with pytest.raises(urllib.error.URLError):
        answers(url)


@pytest.mark.slow
def test_the_server_ends_when_its_process_is_killed(held):
    holder, _, pid = held
    holder.kill()
    assert gone(pid)


@pytest.mark.slow
def test_a_server_that_cannot_start_names_its_log(environment, tmp_path):
    broken = {**environment, "PREFECT_API_DATABASE_CONNECTION_URL": "nonsense://"}
    child = subprocess.run(
        [sys.executable, "-c", HOLD, str(tmp_path / "prefect")], env=broken, capture_output=True, text=True
    )
    assert child.returncode == 1
    assert f"Prefect's server did not start: see its log {tmp_path}/prefect/server.log" in child.stderr
    assert (tmp_path / "prefect" / "server.log").stat().st_size > 0


@pytest.mark.slow
def test_two_servers_start_in_one_fresh_home(environment, tmp_path):
    """The first one makes the database; the second one must wait for it."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "prefect")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (
        subprocess.Popen(command, env=environment, **pipes) as first,
        subprocess.Popen(command, env=environment, **pipes) as second,
    ):
        urls = [holder.stdout.readline().split()[0] for holder in (first, second)]
        assert all(answers(url) for url in urls)
        for holder in (first, second):
            holder.communicate("\n", timeout=30)
            assert holder.returncode == 0
