"""A desk is found by its journals and spoken to through its server, or in its journal if it does not run."""

import json
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.domain.errors import JournalError, RiskError, SettingsError, StoreError
from pipeline.ingest.file_lock import taken_lock
from pipeline.live.journal import Journal
from pipeline.live.journal_place import JOURNAL
from pipeline.live.watch.address import ADDRESS, address, announced
from pipeline.live.watch.found import Found, found_journal
from pipeline.live.watch.request import Request, Wish

HALT, SECRET = Request(Wish.HALT, "ada", "too hot"), "0123456789abcdef"


def made(live, *names, desk="made"):
    for name in names:
        place = live / desk / name
        place.mkdir(parents=True)
        Journal(place / JOURNAL, desk, now=0).close()


def find(live, desk="made", journal=None):
    return found_journal(live, desk, lambda told: told.removesuffix(".toml"), journal)


@pytest.fixture
def running(tmp_path):
    """A desk whose process is this one, and a server that answers what the test says."""
    made(tmp_path, "replay-day")
    folder, answers, heard = tmp_path / "made" / "replay-day", [], []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(
                (
                    self.path,
                    self.headers["Authorization"],
                    self.rfile.read(int(self.headers["Content-Length"])),
                )
            )
            code, body = answers.pop()
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server, taken_lock(folder / f"{JOURNAL}.lock"):
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        with announced(folder, f"http://127.0.0.1:{server.server_address[1]}"):
            yield Found("made", folder), answers, heard
        server.shutdown()


def test_the_only_journal_is_found_by_name_and_by_desk_file(tmp_path):
    made(tmp_path, "replay-day")
    assert find(tmp_path) == find(tmp_path, "made.toml") == Found("made", tmp_path / "made" / "replay-day")
    assert find(tmp_path).process is None


def test_of_several_the_one_that_runs_is_meant_else_they_are_named(tmp_path):
    made(tmp_path, "monday", "tuesday")
    with pytest.raises(StoreError, match=r"none of which runs: .*--journal: monday, tuesday"):
        find(tmp_path)
    assert find(tmp_path, journal="tuesday").folder.name == "tuesday"
    with taken_lock(tmp_path / "made" / "monday" / f"{JOURNAL}.lock"):
        assert find(tmp_path).folder.name == "monday"
        other = tmp_path / "made" / "tuesday" / f"{JOURNAL}.lock"
        with taken_lock(other), pytest.raises(StoreError, match="several that run"):
            find(tmp_path)
    with pytest.raises(StoreError, match=r"--journal friday: desk made has monday, tuesday"):
        find(tmp_path, journal="friday")


def test_a_desk_file_that_cannot_be_read_says_under_which_names_desks_are_known(tmp_path):
    made(tmp_path, "replay-day")

    def unreadable(told):
        raise SettingsError(f"{told}: not valid TOML")

    with pytest.raises(SettingsError, match=r"d.toml: not valid TOML \(gone live have made: give a name\)"):
        found_journal(tmp_path, "d.toml", unreadable, None)


@pytest.mark.parametrize("desk", ["other", "."])
def test_one_that_never_went_live_says_so(tmp_path, desk):
    made(tmp_path / "live", "monday")
    made(tmp_path, "monday")
    with pytest.raises(StoreError, match="not gone live"):
        find(tmp_path / "live", desk)


def test_one_that_runs_is_asked_with_the_token_in_a_header(running):
    found, answers, heard = running
    answers.append((200, b'{"risk": {"state": "halted"}}'))
    assert found.ask(HALT, lambda: SECRET) == {"state": "halted"}
    (told,) = heard
    assert told[:2] == ("/halt", f"Bearer {SECRET}")
    assert json.loads(told[2]) == {"person": "ada", "reason": "too hot"}


def test_no_proxy_hears_the_token(running, monkeypatch):
    found, answers, heard = running
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    answers.append((200, b'{"risk": {"state": "halted"}}'))
    found.ask(HALT, lambda: SECRET)
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("code", "body", "kind", "said"),
    [
        (401, b"", SettingsError, "not that of the running desk"),
        (409, b'{"error": "nothing to resume"}', RiskError, "^nothing to resume"),
        (500, b'{"error": "disk full"}', JournalError, "disk full"),
        (502, b"?", JournalError, "it answers 502"),
        (200, b"?", JournalError, "does not answer"),
    ],
)
def test_what_it_refuses_is_one_line_without_the_token(running, code, body, kind, said):
    found, answers, _ = running
    answers.append((code, body))
    with pytest.raises(kind, match=said) as refused:
        found.ask(HALT, lambda: SECRET)
    assert SECRET not in str(refused.value)


def test_without_a_token_nothing_is_asked(running):
    found, _, heard = running
    with pytest.raises(SettingsError, match="HEDGE_TOKEN"):
        found.ask(HALT, lambda: None)
    assert heard == []


def test_one_that_is_starting_is_waited_for(running):
    found, answers, _ = running
    answers.append((200, b'{"risk": {"state": "halted"}}'))
    place = found.folder / ADDRESS
    told = place.rename(place.with_name("later"))
    threading.Timer(0.15, told.rename, [place]).start()
    assert found.ask(HALT, lambda: SECRET) == {"state": "halted"}


def test_one_that_runs_and_does_not_answer_says_what_to_do(running, monkeypatch):
    found, _, _ = running
    monkeypatch.setattr("pipeline.live.watch.found.PATIENCE", 0.0)
    (found.folder / ADDRESS).unlink()
    with pytest.raises(JournalError, match="end that process, then ask again"):
        found.ask(HALT, lambda: SECRET)


def test_an_address_is_private_and_goes_when_the_desk_ends(tmp_path):
    with announced(tmp_path, "http://127.0.0.1:1"):
        assert stat.S_IMODE((tmp_path / ADDRESS).stat().st_mode) == 0o600
        assert address(tmp_path) == "http://127.0.0.1:1"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ADDRESS).write_text("nonsense")
    assert address(tmp_path) is None


def test_what_a_dead_desk_left_behind_is_not_believed(tmp_path):
    made(tmp_path, "monday")
    found = find(tmp_path)
    (found.folder / ADDRESS).write_text('{"url": "http://127.0.0.1:1", "process": 1}')
    assert found.url is None
    assert found.ask(HALT, lambda: None)["state"] == "halted"
