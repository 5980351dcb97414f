"""The server in its thread: it serves a desk beside its loop, and lets go of all when the loop ends."""

import asyncio
import json
import sys
import threading
import urllib.request

import pytest

from pipeline.domain.errors import SettingsError
from pipeline.live.watch.address import ADDRESS
from pipeline.live.watch.board import Board
from pipeline.live.watch.found import Found
from pipeline.live.watch.page_server import PageServer, Serving
from pipeline.live.watch.panel import Panel
from pipeline.live.watch.request import Request, Wish
from pipeline.live.watch.server import Bind, listening
from pipeline.live.watch.token import Token
from pipeline.risk.state import RiskState
from tests.live.watch.made_day import DESK

SECRET = "0123456789abcdef"


@pytest.mark.parametrize("told", ["", "x", "host:", "host:x", "70000", "127.0.0.1:-1"])
def test_what_is_no_place_to_listen_is_refused(told):
    with pytest.raises(SettingsError, match="--dashboard"):
        Bind.read(told)


def test_loopback_is_told_from_what_others_reach():
    inside = ("8050", "127.0.0.2:1", "localhost:1", "[::1]:1")
    assert all(Bind.read(each).loopback for each in inside)
    outside = ("0.0.0.0:1", "[::]:1", "desk.example:1", "10.0.0.1:1")
    assert not any(Bind.read(each).loopback for each in outside)


def test_a_port_that_is_taken_is_one_line():
    with listening(Bind()) as taken, pytest.raises(SettingsError, match="cannot listen there"):
        listening(Bind(port=taken.getsockname()[1]))


@pytest.mark.slow
def test_a_desk_is_halted_through_its_server_and_both_end_in_order(path, folder, capfd):
    panel, said, switching = Panel(Board()), [], sys.getswitchinterval()
    found = Found("made", folder)

    def people():
        status = found.status()
        with pytest.raises(SettingsError):
            found.ask(Request(Wish.HALT, "eve", "mine"), lambda: SECRET + "x")
        risk = found.ask(Request(Wish.HALT, "ada", "too hot"), lambda: SECRET)
        events = urllib.request.urlopen(f"{found.url}/events", timeout=5)  # left open: it ends all the same
        events.readline()
        return status, risk, json.loads(events.readline().removeprefix(b"data: ")), events

    async def loop(listener):
        serving = Serving(Bind(), Token(SECRET))
        page = PageServer(DESK, folder, serving, listener, panel, "model 3", said.append)
        with panel.beside(path), page.beside(path):
            return await asyncio.to_thread(people)

    with listening(Bind()) as listener:
        status, risk, news, events = asyncio.run(loop(listener))
    events.close()
    assert (status["running"], status["model"], status["position"]) == (True, "model 3", 0.5)
    assert (risk["state"], risk["who"]) == ("halted", "ada")
    assert news["status"]["risk"]["who"] == "ada"
    assert path.latch.state is RiskState.HALTED
    assert path.gateway.cancelled == ["desk-1"]
    assert not (folder / ADDRESS).exists()
    assert [each.name for each in threading.enumerate() if each.name == "page"] == []
    assert sys.getswitchinterval() == switching
    output = "".join(capfd.readouterr())
    written = output + "".join(map(str, path.journal.entries()))
    assert SECRET not in written
    assert "mine" not in written
