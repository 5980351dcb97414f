"""`hedge approve` shows what a desk asks and refuses what is no answer, in this process."""

import pytest

from flows import questions
from pipeline.domain.errors import StoreError
from pipeline.domain.overlay_settings import ApprovalSettings
from pipeline.live.journal import Journal
from pipeline.live.journal_place import JOURNAL
from tests.live.test_permits import Desk, People

REQUEST = "btc-60000000000"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home whose desk asks something."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    place = tmp_path / "data" / "live" / "btc" / "now"
    place.mkdir(parents=True)
    with Journal(place / JOURNAL, "btc", now=0) as journal:
        Desk(journal, People()).decide(1)
    return tmp_path


@pytest.fixture
def answers(monkeypatch):
    """What has been filled in, in Prefect."""
    came = []
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect/api")
    monkeypatch.setattr(questions, "answer_for", lambda *told: came.append(told))
    monkeypatch.setattr(questions, "waiting", lambda api, desk, beginning: {})
    return came


def test_it_lists_what_is_open(hedge_here, home):
    said = hedge_here("approve", "btc", "--home", home).stdout
    assert said.startswith(f"{REQUEST}: buy 4 BTC at about 100, beyond a soft limit: position of 2")
    assert said.endswith("until 1970-01-01 00:06:00 UTC on the desk's clock\n")


def test_how_the_desk_stands_says_so(hedge_here, home):
    told = "asks       buy 4 BTC at about 100, until 1970-01-01 00:06:00 UTC: hedge approve btc"
    assert told in hedge_here("status", "btc", "--home", home).stdout.splitlines()


@pytest.mark.parametrize(
    ("options", "verdict", "quantity"),
    [
        (["--approve"], "approve", None),
        (["--reduce", "1.5"], "reduce", 1.5),
        ([REQUEST, "--reject"], "reject", None),
    ],
)
def test_an_answer_is_given_to_prefect(hedge_here, home, answers, options, verdict, quantity):
    told = ("--reason", "a thin book", "--person", "ada", "--home", home)
    said = hedge_here("approve", "btc", *options, *told)
    assert said.stdout == f"{verdict}: {REQUEST}; desk btc acts on it at its next decision\n"
    ((api, request, answer),) = answers
    assert (api, request) == ("http://prefect/api", REQUEST)
    assert (answer.verdict, answer.quantity, answer.person) == (verdict, quantity, "ada")
    assert answer.reason == "a thin book"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--approve"], "and a --reason"),
        (["--approve", "--reject", "--reason", "why"], "give one of"),
        (["--approve", "--reason", " "], "--reason: String should match"),
        (["--reduce", "-1", "--reason", "why"], "--quantity: Input should be greater than 0"),
        (["btc-2", "--approve", "--reason", "why"], f"request btc-2 is not open; {REQUEST} is"),
    ],
)
def test_what_is_no_answer_is_refused(hedge_here, home, answers, options, fault):
    said = hedge_here("approve", "btc", *options, "--home", home)
    assert said.returncode == 1
    assert fault in said.stderr
    assert answers == []


def test_a_request_that_is_closed_is_refused(hedge_here, home, answers):
    with Journal(home / "data" / "live" / "btc" / "now" / JOURNAL, "btc", now=0) as journal:
        Desk(journal, People()).decide(1 + ApprovalSettings().deadline_seconds / 60)
    assert hedge_here("approve", "btc", "--home", home).stdout == "desk btc asks nothing\n"
    told = ("--approve", "--reason", "why", "--home", home)
    assert "it asks nothing" in hedge_here("approve", "btc", *told).stderr
    assert "is not open any more" in hedge_here("approve", "btc", REQUEST, *told).stderr
    assert answers == []


def test_without_a_server_it_says_which_is_meant(hedge_here, home):
    said = hedge_here("approve", "btc", "--approve", "--reason", "why", "--home", home)
    assert "set PREFECT_API_URL" in said.stderr


PROMOTION = "promote-btc-20260101T000000"


def test_a_promotion_is_listed_beside_an_order_and_answered_by_name(hedge_here, home, answers, monkeypatch):
    asked = {PROMOTION: "promote btc.policy 2 (ann: it won)"}
    monkeypatch.setattr(questions, "waiting", lambda api, desk, beginning: asked)
    said = hedge_here("approve", "btc", "--home", home).stdout
    assert said.startswith(f"{PROMOTION}: promote btc.policy 2 (ann: it won)\n{REQUEST}: buy 4 BTC")
    told = ("--reason", "good evidence", "--person", "ada", "--home", home)
    said = hedge_here("approve", "btc", "--approve", *told)
    assert f"it asks {PROMOTION} and {REQUEST}: name one" in said.stderr
    assert "approved or rejected" in hedge_here("approve", "btc", PROMOTION, "--reduce", "1", *told).stderr
    said = hedge_here("approve", "btc", PROMOTION, "--approve", *told)
    assert said.stdout == f"approve: {PROMOTION}; desk btc has its answer\n"
    ((_, request, answer),) = answers
    assert (request, answer.person) == (PROMOTION, "ada")


def test_a_desk_that_never_went_live_may_ask_about_a_promotion(hedge_here, answers, monkeypatch, tmp_path):
    asked = {"bac-intraday": {PROMOTION: "promote bac-intraday.policy 2"}}
    monkeypatch.setattr(questions, "waiting", lambda api, desk, beginning: asked[desk])
    told = ("--reject", "--reason", "too few options", "--home", tmp_path)
    assert hedge_here("approve", "bac-intraday", *told).stdout.startswith(f"reject: {PROMOTION}")


def test_where_prefect_is_away_orders_are_shown_all_the_same(hedge_here, home, answers, monkeypatch):
    def away(*_):
        raise StoreError("Prefect at http://prefect/api does not answer")

    monkeypatch.setattr(questions, "waiting", away)
    said = hedge_here("approve", "btc", "--home", home)
    assert said.stdout.startswith(f"{REQUEST}: buy 4 BTC")
    assert "promotions are not known: Prefect at" in said.stderr
