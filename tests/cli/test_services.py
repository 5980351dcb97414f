import os
import signal
import socket
import time
import urllib.request

import psutil
import pytest


@pytest.mark.slow
def test_the_pages_are_served_on_loopback_until_ctrl_c(hedge, hedge_here, home):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        taken = hedge_here("ui", "--home", home, "--port", port)
    assert taken.returncode == 1
    assert taken.stderr.count("\n") == 1

    process = hedge("ui", "--home", home, "--port", port, start=True)
    family = []
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                time.sleep(0.3)
        else:
            raise AssertionError("the pages did not come up")
        family = psutil.Process(process.pid).children(recursive=True)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
    _, left = psutil.wait_procs(family, timeout=20)
    assert not left
