import shutil
import sys
from pathlib import Path

import pytest

from benchmarks import peer as peer_module
from benchmarks.peer import Peer, PeerError

WORKER = """
import os, sys, time
from worker import serve
calls = []
def round(size):
    print("a library speaks")
    calls.append(size)
    return {"seconds": size / 1000, "calls": len(calls)}
def fail(): raise ValueError("cannot")
def silent(): time.sleep(2)
def end(): os._exit(0)
serve({"round": round, "fail": fail, "silent": silent, "end": end})
"""


@pytest.fixture
def python(tmp_path, monkeypatch):
    (tmp_path / "peers").mkdir()
    (tmp_path / "peers" / "example.py").write_text(WORKER, encoding="utf-8")
    shutil.copy(peer_module.HERE / "peers" / "worker.py", tmp_path / "peers")
    monkeypatch.setattr(peer_module, "HERE", tmp_path)
    return Path(sys.executable)


def test_one_worker_answers_round_after_round(python, capfd):
    with Peer("example", python) as peer:
        assert peer.round(size=3) == 0.003
        assert peer.ask("round", size=4) == {"seconds": 0.004, "calls": 2}
    assert "a library speaks" in capfd.readouterr().err


def test_a_fault_in_the_worker_is_named_and_the_worker_lives_on(python):
    with Peer("example", python) as peer:
        with pytest.raises(PeerError, match="example: ValueError: cannot"):
            peer.ask("fail")
        assert peer.round(size=1) == 0.001


def test_a_worker_that_ends_or_stays_silent_is_an_error(python):
    with Peer("example", python) as peer, pytest.raises(PeerError, match="has ended"):
        peer.ask("end")
    with Peer("example", python) as peer:
        peer.patience = 0.5
        with pytest.raises(PeerError, match=r"within 0\.5 s"):
            peer.ask("silent")


def test_a_missing_environment_says_what_to_do(tmp_path):
    with pytest.raises(PeerError, match="make bench"), Peer("example", tmp_path / "bin" / "python"):
        pass
