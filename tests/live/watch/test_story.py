"""The story tells each listener what is new: from the journal, and of a running desk from its board too."""

import pytest

from pipeline.domain.orders import Order, Report, Standing
from pipeline.domain.overlay_settings import OverlaySettings
from pipeline.live.journal import Entry
from pipeline.live.parents import FOLLOWS, SLICE
from pipeline.live.watch.board import Board, Pulse
from pipeline.live.watch.request import Request, Wish, obey
from pipeline.live.watch.story import About, Cursor, Shown, Story
from pipeline.risk.state import Latch, RiskState
from tests.live.test_permits import Desk as Asking
from tests.live.test_permits import People
from tests.live.watch.made_day import AT, decisions

ABOUT = About(
    "made",
    "a desk",
    "UTC",
    "BTC",
    0.5,
    OverlaySettings(position={"limit": 1.0, "soft": 0.5}, interval_ratio=9.0),
)


def test_one_that_does_not_run_is_told_from_its_journal(reader):
    _, news = Story(About("made"), reader).tell(Cursor())
    assert news["desk"] == {"description": "", "zone": "UTC"}
    (decision,) = news["decisions"]
    assert (decision["at"], decision["lower"], decision["upper"], decision["mid"]) == (1000, 0.1, 0.9, 100.0)
    assert decision["rules"] == ["order_size", "x"]
    (order,) = news["orders"]
    assert (order["filled"], order["price"], order["standing"]) == (0.5, 101.0, "working")
    assert news["fills"] == [{"at": 1100, "units": 0.5, "price": 101.0}]
    status = news["status"]
    assert not status["running"]
    assert status["working"][0]["quantity"] == 2.0
    assert "limits" not in status
    assert "explained" not in status


def test_what_comes_is_told_once(reader, path):
    story = Story(ABOUT, reader)
    cursor, _ = story.tell(Cursor())
    same, nothing = story.tell(cursor)
    assert same == cursor
    assert set(nothing) == {"story", "status"}
    path.hear(Report("m2", "desk-1", Standing.CANCELLED, time=1_200_000_000, text="too late"))
    obey(path, Request(Wish.HALT, "ada", "too hot"), now=3_000_000)
    path.journal.audit(Entry(4_000_000, "recovery", "reconcile", "they agree", {}))
    for what in (SLICE, FOLLOWS):  # the orders tell these, ten a second of the latter
        path.journal.audit(Entry(5_000_000, "parents", what, "desk-1", {}))
    cursor, news = story.tell(cursor)
    assert (news["orders"][0]["standing"], news["orders"][0]["text"]) == ("cancelled", "too late")
    assert news["fills"] == []
    assert [each["state"] for each in news["turns"]] == ["active", "halted"]
    assert [each["who"] for each in news["lines"]] == ["ada", "recovery"]
    assert "decisions" not in news
    assert Cursor.read(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "x", "a.1.2", "a.1.2.3.4.x", "a.1.2.3.4.5.6"])
def test_what_is_no_cursor_is_told_everything(text):
    assert Cursor.read(text) == Cursor()


def test_one_that_runs_is_told_from_its_board(reader):
    board = Board()
    drift = [{"name": "depth", "value": 0.3, "severity": "critical", "said": "it moved"}]
    line = [{"name": "line", "value": "down: the network", "fault": True}]
    story = Story(ABOUT, reader, board, Shown(feed=lambda: line, drift=lambda: drift), "model 3")
    cursor, news = story.tell(Cursor())
    assert "decisions" not in news
    for decided in decisions():
        board.publish(decided, None, 0.0, 0)
    _, news = story.tell(cursor)
    told = news["decisions"]
    assert [each["at"] for each in told] == [AT + 30_000 * k for k in range(len(told))]
    assert sum(told[0]["regimes"].values()) == pytest.approx(1.0)
    assert told[0]["vol"][1] < told[0]["vol"][0] < told[0]["vol"][2]
    assert "regimes" not in told[-1]
    status = news["status"]
    assert (status["decisions"], status["model"], status["feed"]) == (len(told), "model 3", line)
    assert status["drift"] == drift
    assert status["took"] == {"median": pytest.approx(13e-6), "p99": pytest.approx(25e-6)}
    assert [each["rule"] for each in status["limits"]] == ["position", "interval_ratio"]
    assert [each["soft"] for each in status["limits"]] == [0.5, None]
    assert status["limits"][0]["share"] == pytest.approx(told[-1]["position"])


def test_an_order_that_waits_for_a_person_is_told_until_it_is_closed(reader, path):
    told = {"stands": "in Prefect", "page": "http://prefect/runs/1", "fault": ""}
    story = Story(ABOUT, reader, shown=Shown(asked=lambda: told))
    assert story.status()["held"] is None
    desk = Asking(path.journal, People())
    desk.decide(1)
    assert story.status()["held"] == {
        "request": "btc-60000000000",
        "order": "buy 4 BTC at about 100",
        "why": "position of 2 and an order of 4: soft limit 3",
        "at": 60_000,
        "deadline": 360_000,
        **told,
    }
    assert Story(About("made"), reader).status()["held"]["order"] == "buy 4 BTC at about 100"
    desk.people.say("approve", request="btc-1")
    desk.people.say("reject")
    desk.decide(2)
    assert story.status()["held"] is None


def test_the_model_is_that_of_the_start_until_another_takes_over(reader, path):
    path.journal.audit(Entry(1, "models", "adopt", "promoted", {}, "model 2"))
    assert Story(ABOUT, reader).status()["model"] == "model 2"
    story = Story(ABOUT, reader, Board(), model="model 3")
    assert story.status()["model"] == "model 3"
    path.journal.audit(Entry(2, "models", "adopt", "promoted", {}, "model 4"))
    assert story.status()["model"] == "model 4"


def test_the_journal_is_read_when_the_pulse_says_so_and_the_risk_state_is_the_loops(reader, path):
    pulse = Pulse(path.latch, 0, 1, 1, 0)
    story = Story(ABOUT, reader, Board(), Shown(pulse=lambda: pulse))
    assert story.status()["fills"] == 1
    path.hear(Report("m2", "desk-1", Standing.WORKING, 0.5, 101.0, time=1_200_000_000))
    assert story.status()["fills"] == 1
    halted = Latch(RiskState.HALTED, "journal", "the disk is full", 5)
    pulse = Pulse(halted, 0, 1, 2, 0)
    status = story.status()
    assert status["fills"] == 2
    assert (status["risk"]["state"], reader.latch().state) == ("halted", "active")


def test_an_order_that_is_filled_while_the_journal_is_read_is_explained(reader, path, monkeypatch):
    story, read = Story(ABOUT, reader), reader.reports

    def meanwhile(after):
        found = read(after)
        path.send(Order("desk-2", "BTC", 1.0, decided=2_000_000_000))
        path.hear(Report("m9", "desk-2", Standing.FILLED, 1.0, 99.0, time=2_100_000_000))
        return found

    monkeypatch.setattr(reader, "reports", meanwhile)
    first = story.status()
    monkeypatch.undo()
    assert (first["unexplained"], first["orders"], first["position"]) == (0, 2, 0.5)
    second = story.status()
    assert (second["unexplained"], second["position"]) == (0, 1.5)


def test_what_is_past_is_shown_without_what_was_held_then_and_counts_for_no_pnl(reader):
    board = Board()
    story = Story(ABOUT, reader, board)
    made = decisions()
    for number, decided in enumerate(made):
        board.publish(decided._replace(past=number < 10), None, 0.0, 0)
    _, news = story.tell(Cursor())
    told = news["decisions"]
    held = ["position" in each and "hedge" in each for each in told]
    assert held == [False] * 10 + [True] * (len(told) - 10)
    assert all("lower" in each for each in told)
    whole = sum(sum(side.values()) for side in news["status"]["explained"].values())
    worth = [each.worth.hedge + each.worth.options for each in (made[10], made[-1])]
    assert whole == pytest.approx(worth[1] - worth[0])


def test_who_listens_late_is_told_what_is_kept(reader, monkeypatch):
    board = Board(kept=4)
    story = Story(ABOUT, reader, board)
    for decided in decisions():
        board.publish(decided, None, 0.0, 0)
    _, news = story.tell(Cursor())
    assert len(news["decisions"]) == 4
