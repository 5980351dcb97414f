"""An order beyond a soft limit is sent when a person permits it in time, once, and never otherwise."""

import json
from dataclasses import dataclass, field

import pytest
from pydantic import ValidationError

from pipeline.domain.errors import SettingsError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.overlay_settings import ApprovalSettings, OverlaySettings
from pipeline.live.approvals import Answer, Answered, Question, Verdict
from pipeline.live.journal import Journal
from pipeline.live.order_path import OrderPath
from pipeline.live.permits import Permits
from pipeline.risk.overlay import Overlay
from pipeline.risk.state import RiskState
from tests.risk.test_overlay import CALM as WIDE

CALM, MINUTE = WIDE._replace(bid=99.9, ask=100.1), 60 * 10**9
OVERLAY = Overlay(OverlaySettings(position={"limit": 9.0, "soft": 3.0}))
ADA = {"person": "ada", "reason": "the book is deep"}


@dataclass
class People:
    """Who are asked, and answer when they are told to."""

    fault: str = ""
    asked: list = field(default_factory=list)
    closed: dict = field(default_factory=dict)
    said: list = field(default_factory=list)

    def ask(self, question):
        self.asked.append(question)

    def answers(self):
        came, self.said = self.said, []
        return came

    def close(self, request, why):
        self.closed[request] = why

    def say(self, verdict, quantity=None, request=None):
        answer = Answer(verdict=verdict, quantity=quantity, **ADA)
        self.said.append(Answered(request or self.asked[-1].request, answer))


class Gateway:
    broken = ""

    def cancel(self, *_): ...


class Desk:
    """Decides by the minute on a journal; what it would send is returned."""

    def __init__(self, journal, people, **settings):
        self.people, self.path = people, OrderPath(journal, Gateway(), now=lambda: 0)
        self.permits = Permits(ApprovalSettings(**settings), self.path, people, "btc")

    def decide(self, minute, asked=4.0, **seen):
        at, seen = minute * MINUTE, CALM._replace(**seen)
        permitted = self.permits.permitted(at, seen)
        judged = OVERLAY.judge(asked, seen, permitted=permitted)
        self.permits.settle(at, asked, judged, seen, "model 1")
        return judged.units

    @property
    def audit(self):
        return [(each.what, each.who, each.why) for each in self.path.journal.entries()]

    @property
    def did(self):
        return [what for what, *_ in self.audit]


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.db", "btc", now=0) as opened:
        yield opened


@pytest.fixture
def desk(journal):
    return Desk(journal, People())


def test_it_is_held_and_asked_about_once(desk):
    assert [desk.decide(minute) for minute in (1, 2, 3)] == [0.0, 0.0, 0.0]
    (asked,) = desk.people.asked
    assert asked == Question(
        "btc-60000000000", "BTC", 4.0, 100.0, MINUTE, 6 * MINUTE,
        "position of 2 and an order of 4: soft limit 3",
    )  # fmt: skip
    assert desk.audit == [("ask", "overlay", f"buy 4 BTC at about 100, beyond a soft limit: {asked.why}")]
    assert desk.path.journal.entries()[0].model == "model 1"


@pytest.mark.parametrize(
    ("verdict", "quantity", "asked", "sent"),
    [
        ("approve", None, 4.0, 4.0),
        ("approve", None, 6.0, 4.0),
        ("approve", None, 3.5, 3.5),
        ("reduce", 1.5, 4.0, 1.5),
        ("reduce", 9.0, 6.0, 4.0),
        ("reject", None, 4.0, 0.0),
    ],
)
def test_what_is_permitted_is_sent_at_the_next_decision(desk, verdict, quantity, asked, sent):
    desk.decide(1)
    desk.people.say(verdict, quantity)
    assert desk.decide(2, asked) == sent
    assert desk.audit[1] == (verdict, "ada", "the book is deep")
    assert list(desk.people.closed) == ["btc-60000000000"]


def test_a_permission_is_for_one_decision(desk):
    desk.decide(1)
    desk.people.say("approve")
    assert [desk.decide(2), desk.decide(3)] == [4.0, 0.0]
    assert len(desk.people.asked) == 2


def test_silence_means_no_and_nobody_is_asked_again_for_a_while(desk):
    assert [desk.decide(minute) for minute in range(1, 21)] == [0.0] * 20
    assert desk.audit[1] == ("expire", "desk", "nobody answered in 300 s")
    assert len(desk.people.asked) == 1
    desk.decide(21)
    assert len(desk.people.asked) == 2


def test_after_a_no_the_other_side_may_be_asked_about(desk):
    desk.decide(1)
    desk.people.say("reject")
    desk.decide(2)
    desk.decide(3, asked=-8.0)
    assert [each.units for each in desk.people.asked] == [4.0, -8.0]


def test_an_answer_after_the_deadline_or_given_twice_is_refused(desk):
    desk.decide(1)
    desk.decide(6)
    desk.people.say("approve")
    assert desk.decide(7) == 0.0
    assert desk.did == ["ask", "expire", "refuse"]
    desk.decide(22)
    desk.people.say("approve")
    desk.people.say("approve")
    assert [desk.decide(23), desk.decide(24)] == [4.0, 0.0]
    assert desk.did[3:6] == ["ask", "approve", "refuse"]


def test_an_answer_of_before_the_deadline_does_not_count_after_a_long_pause(desk):
    desk.decide(1)
    desk.people.say("approve")
    assert desk.decide(600) == 0.0
    assert desk.audit[1] == ("refuse", "ada", "no decision has come in time since the answer")


def test_an_order_that_the_market_has_left_is_refused_and_asked_about_at_its_price(desk):
    desk.decide(1)
    desk.people.say("approve")
    assert desk.decide(2, bid=100.5, ask=100.7) == 0.0
    assert "have left the mid of 100 when it was asked by more than 0.005" in desk.audit[1][2]
    desk.decide(3, bid=100.5, ask=100.7)
    assert desk.people.asked[-1].mid == pytest.approx(100.6)


def test_hard_limits_hold_whatever_is_permitted(desk):
    desk.decide(1)
    desk.people.say("approve")
    assert desk.decide(2, position=7.0) == 2.0


def test_an_answer_waits_for_a_market_with_two_sides(desk):
    desk.decide(1)
    desk.people.say("approve")
    assert [desk.decide(2, bid=float("nan")), desk.decide(3)] == [0.0, 4.0]


@pytest.mark.parametrize(
    ("asked", "why"),
    [(0.0, "does not want it"), (-1.0, "does not want it"), (0.5, "has traded since")],
)
def test_a_request_is_taken_back_when_the_desk_decides_otherwise(desk, asked, why):
    desk.decide(1)
    desk.decide(2, asked)
    assert why in desk.people.closed["btc-60000000000"]
    desk.people.say("approve")
    assert desk.decide(3, asked=0.0) == 0.0
    assert desk.did == ["ask", "withdraw", "refuse"]


def test_a_desk_that_has_halted_takes_its_request_back_and_asks_nothing(desk):
    desk.decide(1)
    desk.path.turn(RiskState.HALTED, "ada", "enough")
    desk.decide(2)
    desk.decide(3)
    assert desk.did == ["ask", "withdraw"]
    assert len(desk.people.asked) == 1


def test_a_request_survives_a_restart_and_its_answer_counts_once(desk, journal):
    desk.decide(1)
    again = Desk(journal, People())
    assert again.people.asked == desk.people.asked
    again.people.say("approve")
    assert again.decide(2) == 4.0
    third = Desk(journal, People())
    assert third.people.asked == []
    third.people.say("approve", request="btc-60000000000")
    assert third.decide(3) == 0.0


def test_a_replay_that_begins_again_asks_nothing_twice(desk, journal):
    for minute in (1, 2):
        desk.decide(minute)
    again = Desk(journal, People())
    assert [again.decide(minute) for minute in (1, 2)] == [0.0, 0.0]
    assert len(again.people.asked) == 1


def test_the_pause_after_a_no_survives_a_restart(desk, journal):
    desk.decide(1)
    desk.people.say("reject")
    desk.decide(2)
    again = Desk(journal, People())
    again.decide(3)
    assert again.people.asked == []


def test_without_anybody_to_ask_the_desk_goes_on_and_says_so_once(journal, caplog):
    people = People(fault="Prefect does not answer")
    desk = Desk(journal, people)
    assert [desk.decide(minute) for minute in (1, 2)] == [0.0, 0.0]
    assert desk.decide(3, asked=0.5) == 0.5
    people.fault = ""
    desk.decide(4, asked=0.5)
    said = [why for what, _, why in desk.audit if what == "reach"]
    assert said == [
        "nobody can be asked, nothing is approved: Prefect does not answer",
        "people can be asked again",
    ]
    assert "Prefect does not answer" in caplog.text


def test_an_answer_that_is_none_closes_its_request(desk):
    desk.decide(1)
    desk.people.said.append(Answered(desk.people.asked[0].request, None, "to reduce needs a quantity"))
    assert desk.decide(2) == 0.0
    assert desk.audit[1] == ("refuse", "somebody", "to reduce needs a quantity")


@pytest.mark.parametrize(
    "told",
    [
        {"verdict": "reduce"},
        {"verdict": "perhaps"},
        {"verdict": "approve", "reason": " "},
        {"verdict": "approve", "person": "a\nb"},
        {"verdict": "reduce", "quantity": -1.0},
        {"verdict": "reduce", "quantity": "nan"},
    ],
)
def test_an_answer_that_says_too_little_is_none(told):
    with pytest.raises(ValidationError):
        Answer.model_validate(ADA | told)


def test_the_form_is_one_that_prefect_can_show():
    schema = json.dumps(Answer.model_json_schema())
    assert all(verdict in schema for verdict in Verdict)


def test_a_desk_that_decides_less_often_than_its_deadline_is_refused():
    told = {
        "name": "made",
        "data": {"instrument": "BTC", "files": ["none"]},
        "grid": {"every_seconds": 600},
        "windows": {
            "learn_start": "2020-03-02",
            "signals_start": "2020-03-03",
            "test_start": "2020-03-04",
            "test_end": "2020-03-05",
        },
        "overlay": {"position": {"limit": 2.0, "soft": 1.0}},
    }
    with pytest.raises((SettingsError, ValueError), match=r"answers count at decisions, so use at least 600"):
        IntradayDesk.model_validate(told)
