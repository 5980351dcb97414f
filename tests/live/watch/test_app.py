"""What the server answers, and to whom: no other site, no other name, nobody without the token."""

import asyncio
import json

import httpx
import pytest

from pipeline.domain.errors import JournalError, RiskError
from pipeline.live.watch.app import Desk, app_of, told_on
from pipeline.live.watch.guard import LARGEST
from pipeline.live.watch.story import About, Story
from pipeline.live.watch.token import Token
from pipeline.risk.state import Latch, RiskState

HERE, SECRET = "http://127.0.0.1:8050", "0123456789abcdef"
KNOWN = {"Authorization": f"Bearer {SECRET}"}
WORDS = {"person": "ada", "reason": "too hot"}


class Client:
    """Sends requests to an application in this process."""

    def __init__(self, app, base):
        self.app, self.base = app, base

    def __call__(self, method, place, **told):
        async def answer():
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=self.base) as client:
                return await client.request(method, place, **told)

        return asyncio.run(answer())

    def get(self, place, **told):
        return self("GET", place, **told)

    def post(self, place, **told):
        return self("POST", place, **told)


@pytest.fixture
def asked():
    """What was asked, and what is answered next."""
    return []


@pytest.fixture
def client(reader, asked):
    """Return a function that makes a client of the desk served."""

    async def ask(request):
        asked.append(request)
        if request.reason == "broken":
            raise JournalError("journal: the disk is full")
        if request.reason == "silent":
            raise TimeoutError
        if request.wish == "resume":
            raise RiskError("there is nothing to resume")
        return Latch(RiskState.HALTED, request.person, request.reason, 5_000_000)

    def of(private=False, token=True, name="", base=HERE):
        known = Token(SECRET) if token else None
        desk = Desk(Story(About("made"), reader), ask, known, lambda: "hedge_up 1\n", private, name)
        return Client(app_of(desk), base)

    return of


def test_the_page_is_served_whole_and_nothing_on_it_comes_from_elsewhere(client):
    here = client()
    for place, kind in (("/", "text/html"), ("/page.js", "text/javascript"), ("/chart.js", "text/javascript"),
                        ("/page.css", "text/css"), ("/icon.svg", "image/svg+xml")):  # fmt: skip
        answer = here.get(place)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert "//" not in answer.text.replace("http://www.w3.org/2000/svg", "").replace("// ", "")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert "style=" not in answer.text


def test_the_state_is_told(client):
    found = client().get("/status").json()
    assert found["name"] == "made"
    assert not found["running"]
    assert found["risk"] == {"at": 0, "state": "active", "who": "journal", "why": "a new journal"}
    assert (found["position"], found["instrument"], found["fills"]) == (0.5, "BTC", 1)
    assert client().get("/metrics").text == "hedge_up 1\n"


def test_one_with_the_token_halts_with_name_and_reason(client, asked):
    answer = client().post("/halt", json=WORDS, headers=KNOWN)
    assert answer.json() == {"risk": {"at": 5, "state": "halted", "who": "ada", "why": "too hot"}}
    assert (asked[0].wish, asked[0].person, asked[0].reason) == ("halt", "ada", "too hot")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer no"},
        {"Authorization": SECRET},
        {"Authorization": "Bearer "},
        {"Cookie": f"token={SECRET}"},
    ],
)
def test_nobody_else_does(client, asked, headers):
    here = client()
    assert here.post("/halt", json=WORDS, headers=headers).status_code == 401
    assert here.post(f"/halt?token={SECRET}", json=WORDS, headers=headers).status_code == 401
    assert client(token=False).post("/halt", json=WORDS, headers=KNOWN).status_code == 401
    assert asked == []


@pytest.mark.parametrize("words", [{}, {"person": "ada"}, {"person": "ada", "reason": 3},
                                   {**WORDS, "more": "x"}])  # fmt: skip
def test_what_is_no_command_is_refused(client, asked, words):
    assert client().post("/halt", json=words, headers=KNOWN).status_code == 422
    assert client().post("/sell", json=WORDS, headers=KNOWN).status_code == 422
    assert client().get("/halt").status_code == 405
    assert asked == []


@pytest.mark.parametrize(
    ("wish", "reason", "code", "said"),
    [("resume", "fine", 409, "nothing to resume"), ("halt", "broken", 500, "disk is full"),
     ("halt", "silent", 503, "not answered"), ("halt", " ", 409, "needs a reason"),
     ("halt", "two\nlines", 409, "one line")],
)  # fmt: skip
def test_a_command_that_fails_says_why(client, wish, reason, code, said):
    answer = client().post(f"/{wish}", json={"person": "ada", "reason": reason}, headers=KNOWN)
    assert answer.status_code == code
    assert said in answer.json()["error"]


@pytest.mark.parametrize("host", ["attacker.example", "attacker.example:8050", "127.0.0.1.attacker.example",
                                  "localhost.attacker.example", "", "[::1"])  # fmt: skip
def test_a_name_bent_to_this_machine_reaches_nothing(client, asked, host):
    here = client()
    assert here.get("/status", headers={"Host": host}).status_code == 421
    assert here.post("/halt", json=WORDS, headers={**KNOWN, "Host": host}).status_code == 421
    assert asked == []


def test_another_sites_page_reaches_nothing_and_the_desks_own_does(client, asked):
    here = client()
    for origin in ("http://attacker.example", "null", "http://127.0.0.1:9999"):
        assert here.post("/halt", json=WORDS, headers={**KNOWN, "Origin": origin}).status_code == 403
        assert here("OPTIONS", "/halt", headers={"Origin": origin}).status_code == 403
    assert asked == []
    assert here.post("/halt", json=WORDS, headers={**KNOWN, "Origin": HERE}).status_code == 200


def test_a_body_that_is_too_long_or_does_not_say_how_long_is_refused(client, asked):
    here = client()
    long = {"person": "ada", "reason": LARGEST * "x"}
    assert here.post("/halt", json=long, headers=KNOWN).status_code == 413

    async def in_parts():
        yield b"{}"

    assert here.post("/halt", content=in_parts(), headers=KNOWN).status_code == 413
    assert asked == []


def test_beyond_loopback_reading_needs_the_token_too_and_the_page_asks_for_it(client):
    here = client(private=True, name="desk.example", base="http://desk.example:8050")
    for place in ("/status", "/events", "/metrics"):
        assert here.get(place).status_code == 401
    assert here.get("/").status_code == 200
    assert here.get("/status", headers=KNOWN).status_code == 200


def test_events_tell_everything_once_and_then_what_is_new(reader, path):
    story = Story(About("made"), reader)

    async def heard(last, count):
        stream = told_on(story, last)
        return [await anext(stream) for _ in range(count)]

    (first,) = asyncio.run(heard("", 1))
    identity, data = (line.partition(": ")[2] for line in first.decode().strip().split("\n"))
    news = json.loads(data)
    assert news["first"]
    assert news["orders"][0]["filled"] == 0.5
    (again,) = asyncio.run(heard(identity, 1))
    news = json.loads(again.decode().split("data: ")[1])
    assert set(news) == {"story", "status"}
    (of_another,) = asyncio.run(heard("another." + identity.partition(".")[2], 1))
    assert b'"first":true' in of_another


def test_a_journal_that_cannot_be_read_is_said_and_ends_the_events(reader, monkeypatch):
    def broken(_):
        raise JournalError("journal: damaged")

    story = Story(About("made"), reader)
    monkeypatch.setattr(reader, "reports", broken)
    app = app_of(Desk(story, None, Token(SECRET), str))
    answer = Client(app, HERE).get("/status")
    assert (answer.status_code, answer.json()) == (500, {"error": "journal: damaged"})
    events = Client(app, HERE).get("/events").text
    assert events == 'event: fault\ndata: "journal: damaged"\n\n'
