"""`hedge halt`, `resume`, `status` and `dashboard` on a desk that does not run, in this process."""

import json

import pytest

from pipeline.cli.live import _forget
from pipeline.domain.errors import SettingsError
from pipeline.ingest.file_lock import taken_lock
from pipeline.live.journal import Journal
from pipeline.live.journal_place import JOURNAL


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv("HEDGE_TOKEN", raising=False)
    for day in ("monday", "tuesday"):
        place = tmp_path / "data" / "live" / "made" / day
        place.mkdir(parents=True)
        Journal(place / JOURNAL, "made", now=0).close()
    return tmp_path


def test_a_halt_holds_until_it_is_resumed_and_every_step_says_so(hedge_here, home):
    def of(command, *told):
        return hedge_here(command, "made", "--journal", "monday", "--home", home, *told)

    assert of("status").returncode == 0
    assert (
        of("halt", "--reason", "too hot", "--person", "ada").stdout == "desk made is halted (ada: too hot)\n"
    )
    status = of("status")
    assert status.returncode == 5
    assert "halted since" in status.stdout
    found = json.loads(of("status", "--json").stdout)
    assert (found["risk"]["who"], found["running"], found["process"]) == ("ada", False, None)
    assert of("resume", "--reason", "cool again", "--person", "bob").returncode == 0
    again = of("resume", "--reason", "cool again")
    assert again.returncode == 1
    assert again.stderr == "hedge: the desk is active since bob: cool again: there is nothing to resume\n"
    assert of("resume").returncode == 2


def test_who_does_not_say_which_journal_or_why_is_told(hedge_here, home):
    which = hedge_here("halt", "made", "--home", home)
    assert which.returncode == 1
    assert which.stderr.count("\n") == 1
    assert "--journal: monday, tuesday" in which.stderr
    why = hedge_here("halt", "made", "--journal", "monday", "--reason", "", "--home", home)
    assert why.stderr == "hedge: to halt a desk needs a reason\n"


def test_one_that_runs_needs_its_token_and_its_address(hedge_here, home):
    with taken_lock(home / "data" / "live" / "made" / "monday" / f"{JOURNAL}.lock"):
        for command, said in (("halt", "set HEDGE_TOKEN"), ("dashboard", "has not said where")):
            refused = hedge_here(command, "made", "--home", home)
            assert refused.returncode == 1
            assert said in refused.stderr
        assert "process" in hedge_here("status", "made", "--home", home).stdout


def test_a_day_that_is_being_lived_is_not_begun_anew(home):
    monday = home / "data" / "live" / "made" / "monday"
    with taken_lock(monday / f"{JOURNAL}.lock") as lock:
        assert lock is not None
        with pytest.raises(SettingsError, match=r"--anew: process \d+ lives this day"):
            _forget(monday, "made", None)
        assert (monday / JOURNAL).is_file()
    _forget(monday, "made", None)
    assert not monday.exists()
    _forget(monday, "made", None)


def test_to_listen_beyond_loopback_needs_a_word_and_a_token(hedge_here, home):
    def live(*told):
        return hedge_here("live", "bac-intraday", "--feed", "replay:2013-10-11", "--home", home, *told).stderr

    assert "--beyond" in live("--dashboard", "0.0.0.0:0")
    assert "a token of your own" in live("--dashboard", "0.0.0.0:0", "--beyond")
    assert not (home / "data" / "live" / "token").exists()


def test_nothing_to_adopt_and_a_desk_that_runs_are_one_line(hedge_here, home):
    told = ("adopt", "made", "--journal", "monday", "--home", home, "--price", 10, "--reason", "a transfer")
    nothing = hedge_here(*told)
    assert (nothing.returncode, nothing.stderr.count("\n")) == (1, 1)
    assert "no position differed" in nothing.stderr
    with taken_lock(home / "data" / "live" / "made" / "monday" / f"{JOURNAL}.lock"):
        assert "writes it, and a journal has one writer" in hedge_here(*told).stderr
