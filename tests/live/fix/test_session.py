"""The FIX session against an acceptor: numbers, gaps, silence, and that no order is ever sent again."""

import pytest

from pipeline.domain.errors import GatewayError
from pipeline.live.fix.sequence import Sequence
from pipeline.live.fix.session import SECOND, Deliver, Disconnect, NeverArrived, Send, Session, State
from pipeline.live.fix.wire import Framer
from tests.live.fix.acceptor import Acceptor

OPENED = []


@pytest.fixture(autouse=True)
def _closed():
    yield
    while OPENED:
        OPENED.pop().close()


class Line:
    """A session, its acceptor and the line between them; `now` is its clock in seconds."""

    def __init__(self, place, acceptor=None, **further):
        self.sequence = Sequence(place, "US to THEM")
        OPENED.append(self.sequence)
        self.session = Session("US", "THEM", self.sequence, heartbeat=10, **further)
        self.acceptor, self.now = acceptor or Acceptor(), 0
        self.delivered, self.lost, self.ended = [], [], []

    def do(self, actions, deaf=False):
        for action in actions:
            if isinstance(action, Send) and not deaf:
                self.acceptor.hear(action.content)
            elif isinstance(action, Deliver):
                self.delivered.append(action.message[17])
            elif isinstance(action, NeverArrived):
                self.lost += action.order_ids
            elif isinstance(action, Disconnect):
                self.ended.append((action.why, action.fatal))

    def settle(self):
        while messages := self.acceptor.taken():
            for message in messages:
                self.do(self.session.received(message, self.now * SECOND))

    def connect(self):
        self.do(self.session.connected(self.now * SECOND))
        self.settle()
        return self

    def order(self, order_id, deaf=False):
        self.do([self.session.send("D", [(11, order_id)], self.now * SECOND, order_id)], deaf)
        self.settle()

    def wait(self, seconds, deaf=False):
        for _ in range(seconds):
            self.now += 1
            self.do(self.session.tick(self.now * SECOND), deaf)
            if not deaf:
                self.settle()

    def again(self, place, **further):
        """Return the line after a death of the initiator's process."""
        OPENED.pop().close()
        return Line(place, self.acceptor, **further).connect()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "session"


@pytest.fixture
def line(place):
    return Line(place).connect()


def kinds(line):
    return "".join(message[35] for message in line.acceptor.got)


def test_logon_orders_reports_and_logout(line):
    assert line.session.state is State.ACTIVE
    line.order("a")
    line.acceptor.say("8", (17, "m1"))
    line.settle()
    line.do(line.session.logout(0))
    line.settle()
    assert (kinds(line), line.delivered, line.ended) == ("AD5", ["m1"], [("logged out", False)])
    with pytest.raises(GatewayError, match="closed: nothing is sent"):
        line.session.send("D", [], 0, "b")


def test_silence_is_filled_with_heartbeats_and_asked_about(line):
    line.wait(100)
    assert line.session.state is State.ACTIVE
    assert set(kinds(line)) == {"A", "0", "1"}
    line.wait(30, deaf=True)
    assert line.ended == [("the other side is silent", False)]


def test_a_test_request_is_answered(line):
    line.acceptor.say("1", (112, "are you there"))
    line.settle()
    assert (line.acceptor.got[-1][35], line.acceptor.got[-1][112]) == ("0", "are you there")


def test_reports_that_were_lost_on_the_way_come_again_once_and_in_sequence(line):
    for n in range(6):
        line.acceptor.say("8", (17, f"m{n}"), deaf=n in (1, 2))
    line.settle()
    assert line.delivered == [f"m{n}" for n in range(6)]
    assert kinds(line).count("2") == 1
    line.acceptor.say("8", (17, "m6"), deaf=True)
    line.acceptor.say("8", (17, "m7"))
    line.settle()
    assert line.delivered[-2:] == ["m6", "m7"]


def test_an_order_that_was_lost_is_never_sent_again(line):
    line.order("a")
    line.order("b", deaf=True)
    line.order("c", deaf=True)
    line.do([line.session.send("0", [], 0)])
    line.settle()
    assert line.lost == ["b", "c"]
    line.order("d")
    assert [message.get(11) for message in line.acceptor.got if message[35] == "D"] == ["a", "d"]
    assert line.acceptor.expected == line.sequence.sent + 1


@pytest.mark.parametrize("deaf", [False, True])
def test_numbers_go_on_after_a_death(place, line, deaf):
    line.order("a")
    line.order("b", deaf=deaf)
    line.acceptor.say("8", (17, "m1"))
    line.settle()
    for n in (2, 3):
        line.acceptor.say("8", (17, f"m{n}"), deaf=True)
    line = line.again(place)
    line.settle()
    assert (line.delivered, line.lost) == (["m2", "m3"], ["b"] if deaf else [])
    line.order("c")
    assert [m[11] for m in line.acceptor.got if m[35] == "D"] == (["a", "c"] if deaf else ["a", "b", "c"])
    assert not line.ended


def test_a_report_that_was_not_acted_on_before_the_death_comes_again(place, line):
    line.acceptor.say("8", (17, "m1"))
    (message,) = line.acceptor.taken()
    next(line.session.received(message, 0))
    line = line.again(place)
    assert line.delivered == ["m1"]


def test_a_report_that_comes_twice_is_acted_on_once(line):
    line.acceptor.say("8", (17, "m1"))
    line.settle()
    line.acceptor._resend(2, 2)
    line.settle()
    assert (line.delivered, line.ended) == (["m1"], [])


def test_a_number_too_low_ends_it_for_a_person_to_look(line):
    line.acceptor.say("8", (17, "m1"))
    line.settle()
    line.acceptor.sent.pop()
    line.acceptor.say("8", (17, "m2"))
    line.settle()
    assert (line.delivered, line.ended) == (["m1"], [("number 2, expected 3", True)])
    assert kinds(line)[-1] == "5"


def test_a_session_begun_anew_begins_at_one(place, line):
    line.order("a")
    line = line.again(place, reset=True)
    assert (line.sequence.sent, line.sequence.received) == (1, 1)
    line.order("b")
    assert (kinds(line)[-2:], line.ended) == ("AD", [])


def test_they_may_lead_the_numbers_on(line):
    for gap in ("N", "Y"):
        line.acceptor.say("4", (123, gap), (36, str(len(line.acceptor.sent) + 10)))
        line.acceptor.sent += [[(35, "0")]] * 8
        line.acceptor.say("8", (17, gap))
        line.settle()
    assert (line.delivered, line.ended) == (["N", "Y"], [])
    line.acceptor.say("4", (123, "N"), (36, "2"))
    line.settle()
    assert line.acceptor.got[-1][35] == "3"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({49: "OTHER"}, "a message from OTHER to US"),
        ({34: "x"}, "a message without a number or a type"),
        ({35: ""}, "a message without a number or a type"),
    ],
)
def test_what_cannot_be_is_refused(line, change, why):
    message = {35: "8", 34: "2", 49: "THEM", 56: "US", 17: "m1"} | change
    line.do(line.session.received(message, 0))
    assert (line.delivered, line.ended) == ([], [(why, True)])


def test_a_logon_may_be_refused_or_never_come(place):
    line = Line(place)
    line.do(line.session.connected(0), deaf=True)
    line.do(line.session.received({35: "5", 34: "1", 49: "THEM", 56: "US", 58: "who are you"}, 0))
    assert line.ended == [("the logon was refused: who are you", True)]
    line.do(line.session.connected(0), deaf=True)
    line.wait(12, deaf=True)
    assert line.ended[-1] == ("no answer while logging on", False)


def test_fields_at_random_never_raise(place):
    import random

    drawn = random.Random(3)
    line = Line(place).connect()
    for _ in range(1500):
        if line.session.state is State.CLOSED:
            line.do(line.session.connected(0), deaf=True)
        tags = drawn.sample([7, 16, 36, 43, 45, 58, 98, 108, 112, 123, 141], 4)
        values = ["Y", "N", "0", "1", "7", "-3", "x", "99999999999", "é", str(line.sequence.received + 2)]
        message = {tag: drawn.choice(values) for tag in tags} | {49: "THEM", 56: "US", 17: "m"}
        message[35] = drawn.choice(["A", "0", "1", "2", "3", "4", "5", "8", "zz"])
        message[34] = str(line.sequence.received + drawn.choice([0, 1, 1, 1, 2, 5]))
        for action in line.session.received(message, 0):
            if isinstance(action, Send):
                assert len(Framer().feed(action.content)) == 1
