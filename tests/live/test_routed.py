"""The router: never dearer than one venue alone, one way for an id, whole after any death, no bad book."""

import asyncio
from contextlib import closing, contextmanager

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError, GatewayError
from pipeline.domain.gateway_settings import RoutedSettings
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.orders import Order, Report, Standing
from pipeline.features import decision_day
from pipeline.features.book_at import REASONS
from pipeline.live import desk_day
from pipeline.live.account import replayed
from pipeline.live.desk_day import DeskDay
from pipeline.live.feed import END, Moment
from pipeline.live.gateways import on_paper, routed
from pipeline.live.journal import Journal
from pipeline.live.line_file import LineFile
from pipeline.live.offers import Charges, Purse
from pipeline.live.opened import Opened
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.recovery import recover
from pipeline.live.routed import NOWHERE, UNFILLED, Routed, Traded
from pipeline.live.venue import NEVER, Book
from pipeline.risk.state import RiskState
from tests.market_day import DAY, day_tables

SECOND = 1_000_000_000
NEAR = Book([99.0, 98.0], [1.0, 9.0], [101.0, 102.0], [1.0, 9.0])
FAR = Book([98.9, 97.9], [1.0, 9.0], [101.1, 102.1], [1.0, 9.0])
TERMS = {"near": {"fee": 1e-3}, "far": {"fee": 1e-3}}


class Desk:
    """Two venues, the router to them, and what it has said."""

    def __init__(self, folder, books=(NEAR, FAR), terms=TERMS, lot=0.0, latency=0):
        self.books, self.heard = list(books), []
        self.venues = {
            name: PaperGateway(folder / name, lambda order: latency, **own) for name, own in terms.items()
        }
        traded = {
            name: Traded(Opened(paper, paper, paper.taken), Charges(**terms[name]))
            for name, paper in self.venues.items()
        }
        self.gateway = Routed(traded, lambda: self.books, folder / "router", lot)

    def start(self):
        asyncio.run(self.gateway.start(self.heard.append))
        return self

    def advance(self, at):
        self.gateway.advance(at, {"XY": self.books[0]})

    def close(self):
        self.gateway.close()
        for venue in self.venues.values():
            venue.close()

    def known(self):
        async def ask():
            return [await self.gateway.positions(), await self.gateway.open_orders()]

        return asyncio.run(ask())

    def held(self):
        return [asyncio.run(venue.positions()).get("XY", 0.0) for venue in self.venues.values()]


@pytest.fixture
def made(tmp_path):
    desks = []

    def make(**settings):
        desks.append(Desk(tmp_path, **settings))
        return desks[-1]

    yield make
    for each in desks[-1:]:
        each.close()


def send(desk, units, order_id="a", at=10, **further):
    order = Order(order_id, "XY", units, decided=at, **further)
    desk.gateway.submit(order)
    return order


def account_of(orders, reports):
    account = replayed(orders, reports)
    assert account.unexplained == []
    return account


def test_an_order_is_shared_and_filled_as_one(made):
    desk = made().start()
    order = send(desk, 2.0)
    assert desk.gateway.due == 10
    desk.advance(11)
    account = account_of([order], desk.heard)
    assert desk.held() == [1.0, 1.0]
    assert account.orders["a"].standing is Standing.FILLED
    assert account.cash == pytest.approx(-(101.0 + 101.1 + 1e-3 * (100.0 + 100.0)))
    assert desk.known() == [{"XY": 2.0}, []]
    assert all(each.simulated for each in desk.heard)
    assert asyncio.run(desk.gateway.fills(0)) == desk.heard
    assert asyncio.run(desk.gateway.fills(11)) == []


@pytest.mark.parametrize(("fee", "expected"), [(0.0, [1.0, 0.0]), (3e-3, [0.0, 1.0])])
def test_a_fee_sends_an_order_to_the_other_venue(made, fee, expected):
    desk = made(terms={"near": {"fee": fee}, "far": {"fee": 0.0}}).start()
    send(desk, 1.0)
    desk.advance(11)
    assert desk.held() == expected


@pytest.mark.parametrize("fault", REASONS.values())
def test_a_book_that_is_not_sound_is_sent_nothing(made, fault):
    desk = made(books=[NEAR._replace(fault=fault), FAR]).start()
    send(desk, 0.5)
    desk.advance(11)
    assert desk.held() == [0.0, 0.5]
    desk.books[1] = FAR._replace(fault=fault)
    nowhere = send(desk, 0.5, "b", 20)
    assert desk.gateway.due == 20
    desk.advance(21)
    assert desk.gateway.due == NEVER
    assert (desk.heard[-1].standing, desk.heard[-1].text) == (Standing.CANCELLED, NOWHERE)
    assert account_of([nowhere], desk.heard[-1:]).working == {}
    assert asyncio.run(desk.gateway.fills(20)) == desk.heard[-1:]
    assert not any("b" in venue._venue.known for venue in desk.venues.values())


def test_what_neither_venue_shows_is_cancelled_once(made):
    desk = made().start()
    order = send(desk, 25.0)
    desk.advance(11)
    account = account_of([order], desk.heard)
    assert (account.position("XY"), account.working) == (20.0, {})
    assert [each.text for each in desk.heard].count(UNFILLED) == 1
    assert desk.heard[-1].standing is Standing.CANCELLED


def test_a_limit_rests_where_it_is_cheaper_and_what_replaces_it_follows(made):
    desk = made(terms={"near": {"fee": 2e-3}, "far": {"fee": 0.0}}).start()
    first = send(desk, 2.0, limit=99.5)
    desk.advance(11)
    [resting] = desk.known()[1]
    assert (resting.order_id, resting.quantity, resting.filled) == ("a", 2.0, 0.0)
    second = Order("a-p1", "XY", 2.0, limit=101.1, decided=20, replaces="a")
    desk.books.reverse()
    desk.gateway.replace(second)
    desk.books.reverse()
    desk.advance(21)
    assert desk.held() == [0.0, 1.0]
    desk.gateway.cancel(second, 30)
    desk.gateway.cancel(Order("nobody's", "XY", 2.0), 30)
    desk.advance(31)
    account = account_of([first, second], desk.heard)
    assert (account.position("XY"), account.working, desk.known()[1]) == (1.0, {}, [])
    desk.venues["far"].broken = "the line is down"
    assert desk.gateway.broken == ""


def test_what_replaces_an_order_that_went_nowhere_is_over_at_once(made):
    desk = made().start()
    desk.gateway.replace(Order("a-p1", "XY", 2.0, limit=99.6, decided=20, replaces="a"))
    assert desk.gateway.due == 20
    desk.advance(21)
    assert [(each.order_id, each.standing, each.text) for each in desk.heard] == [
        ("a-p1", Standing.CANCELLED, NOWHERE)
    ]


@pytest.mark.parametrize("standing", [Standing.REJECTED, Standing.CANCELLED])
def test_a_replacement_that_is_not_taken_leaves_the_other_at_work(made, standing):
    desk = made().start()
    send(desk, 2.0, limit=99.5)
    desk.advance(11)
    desk.gateway.replace(Order("a-p1", "XY", 2.0, limit=99.6, decided=20, replaces="a"))
    desk.gateway._heard("near", Report("never arrived-a-p1", "a-p1", standing))
    assert list(desk.gateway._routings.working["near"]) == ["a"]
    desk.venues["near"].broken = "the line is down"
    assert desk.gateway.broken == "near: the line is down"


def test_one_venue_down_is_sent_nothing_and_halts_only_where_something_is_open(made, caplog):
    desk = made(latency=5).start()
    desk.venues["near"].broken = "the line is down"
    send(desk, 2.0)
    assert desk.gateway.broken == ""
    desk.venues["far"].broken = "down too"
    assert desk.gateway.broken == "near: the line is down"
    desk.venues["near"].broken = ""
    assert desk.gateway.broken == "far: down too"
    desk.advance(16)
    assert desk.held() == [0.0, 2.0]
    assert desk.gateway.broken == ""
    for number in range(2):
        send(desk, 1.0, f"b{number}", 20)
    desk.advance(30)
    assert desk.held() == [2.0, 2.0]
    assert [each.getMessage().split(":")[:2] for each in caplog.records] == [
        ["near", " the line is down"],
        ["far", " down too"],
    ]


def test_a_fault_in_cancelling_at_one_venue_leaves_out_no_other(made, monkeypatch):
    desk, asked = made(latency=5).start(), []
    order = send(desk, 2.0)

    def down(order, at):
        raise GatewayError("the line is down")

    monkeypatch.setattr(desk.venues["near"], "cancel", down)
    monkeypatch.setattr(desk.venues["far"], "cancel", lambda order, at: asked.append(order.order_id))
    with pytest.raises(GatewayError, match="the line is down"):
        desk.gateway.cancel(order, 11)
    assert asked == ["a"]


def made_books(rng, count):
    """Yield two venues' deep books, some of them for several steps, so that what was taken counts."""
    for mid in 100.0 + np.cumsum(rng.normal(0.0, 0.05, count)):
        both = []
        for _ in range(2):
            steps = np.cumsum(rng.uniform(0.01, 0.2, (2, 12)), axis=1)
            bid, ask = mid + rng.normal(0.0, 0.03) + np.array([[-1.0], [1.0]]) * steps
            both.append(Book(bid, rng.uniform(0.8, 2.0, 12), ask, rng.uniform(0.8, 2.0, 12)))
        for _ in range(rng.integers(1, 4)):
            yield both


@pytest.mark.parametrize("seed", range(12))
def test_a_replay_is_never_dearer_than_the_better_venue_alone(tmp_path, made, seed):
    rng = np.random.default_rng(seed)
    lot = rng.choice([0.0, 0.05])
    terms = {
        name: {
            "fee": rng.choice([0.0, 1e-4, 5e-4]),
            "fixed_fee": rng.choice([0.0, 0.01]),
            "crossing": rng.choice([1.0, 1.4]),
        }
        for name in ("near", "far")
    }
    alone = {
        name: PaperGateway(tmp_path / f"{name} alone", lambda _: 0, **own) for name, own in terms.items()
    }
    heard = {name: [] for name in alone}
    for name, paper in alone.items():
        asyncio.run(paper.start(heard[name].append))
    desk, orders = made(terms=terms, lot=lot).start(), []
    for step, books in enumerate(made_books(rng, 30), start=1):
        units = rng.choice([-1.0, 1.0]) * 0.05 * rng.integers(1, 60)
        desk.books = books
        orders.append(send(desk, units, f"o{step}", step))
        desk.advance(step + 1)
        for paper, book in zip(alone.values(), books, strict=True):
            paper.submit(orders[-1])
            paper.advance(step + 1, {"XY": book})
    both = account_of(orders, desk.heard)
    assert all(each.standing is Standing.FILLED for each in both.orders.values())
    single = [account_of(orders, heard[name]) for name in alone]
    for account in single:
        assert account.position("XY") == pytest.approx(both.position("XY"), abs=1e-9)
        assert both.cash >= account.cash - 1e-9
    assert any(both.cash > account.cash + 1e-3 for account in single)
    assert all(abs(units) > 0.0 for units in desk.held())
    for paper in alone.values():
        paper.close()


def stepped(desk, k):
    """Orders with and without limits, a cancellation; each is on its way over the next step."""
    desk.books = [NEAR, FAR] if k % 2 else [FAR, NEAR._replace(fault="stale" if k % 6 == 0 else "")]
    desk.advance(10 * k)
    send(desk, 2.5 if k % 3 else -1.7, f"o{k}", 10 * k, limit=99.0 if k % 4 == 0 else None)
    if k % 5 == 0:
        desk.gateway.cancel(Order(f"o{k - 1}", "XY", 1.0), 10 * k)


def test_a_router_that_is_closed_and_opened_at_every_step_is_the_one_that_was_not(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    desk = Desk(tmp_path / "whole", latency=15).start()
    for k in range(1, 25):
        stepped(desk, k)
    expected, whole = desk.known(), desk.heard
    desk.close()
    parts = []
    for k in range(1, 25):
        desk = Desk(tmp_path / "parts", latency=15).start()
        stepped(desk, k)
        parts += desk.heard
        if k < 24:
            desk.close()
    assert desk.known() == expected
    assert parts == whole
    told = asyncio.run(desk.gateway.fills(0))
    assert {each.report_id: each for each in told} == {each.report_id: each for each in whole}
    assert len(told) == len(whole)
    desk.close()


def test_an_id_goes_one_way_though_it_is_sent_again_after_a_restart(tmp_path):
    for _ in range(3):
        with closing(Desk(tmp_path, latency=5)) as desk:
            desk.start()
            send(desk, 2.0)
            send(desk, 2.0)
            desk.books.reverse()
            send(desk, 2.0)
    with closing(Desk(tmp_path, latency=5)) as desk:
        desk.start().advance(100)
        assert desk.held() == [1.0, 1.0]


@contextmanager
def recovered(folder, latency=5):
    """A path over the router, begun from what is in a folder."""
    with (
        Journal(folder / "journal.db", "desk", now=0) as journal,
        closing(Desk(folder, latency=latency)) as desk,
    ):
        path = OrderPath(journal, desk.gateway, now=lambda: 50)
        asyncio.run(recover(path, now=50, patience=(0.0,)))
        yield path, desk


@pytest.mark.parametrize("dead", ["near", "far"])
def test_a_death_between_two_venues_loses_nothing_and_doubles_nothing(tmp_path, monkeypatch, dead):
    def die(*_):
        raise KeyboardInterrupt

    with recovered(tmp_path) as (path, desk):
        monkeypatch.setattr(desk.venues[dead], "submit", die)
        with pytest.raises(KeyboardInterrupt):
            path.send(Order("a", "XY", 2.0, decided=10))
    for _ in range(2):
        with recovered(tmp_path) as (path, desk):
            assert path.latch.state is RiskState.ACTIVE
            path.send(Order("a", "XY", 2.0, decided=10))
            desk.gateway.submit(Order("a", "XY", 2.0, decided=10))
    with recovered(tmp_path) as (path, desk):
        desk.advance(100)
        assert path.account.position("XY") == sum(desk.held()) == (0.0 if dead == "near" else 1.0)
        assert path.account.working == {}
    with recovered(tmp_path) as (path, desk):
        assert (path.latch.state, path.account.working) == (RiskState.ACTIVE, {})


def test_a_restart_between_the_fills_of_two_venues_explains_itself(tmp_path):
    with recovered(tmp_path) as (path, desk):
        path.send(Order("a", "XY", 25.0, decided=10))
        desk.venues["near"].advance(100, {"XY": NEAR})
        assert path.account.working["a"].left == 15.0
    with recovered(tmp_path) as (path, desk):
        assert path.latch.state is RiskState.ACTIVE
        desk.advance(100)
        assert (path.account.position("XY"), path.account.working) == (20.0, {})


def test_a_report_that_was_written_and_never_heard_is_heard_at_the_next_start(tmp_path):
    with recovered(tmp_path) as (path, desk):
        path.send(Order("a", "XY", 25.0, decided=10))
        asyncio.run(desk.gateway.stop())
        for name, book in (("near", NEAR), ("far", FAR)):
            asyncio.run(desk.venues[name].start(lambda report: None))
            desk.venues[name].advance(100, {"XY": book})
    with recovered(tmp_path) as (path, desk):
        assert (path.latch.state, path.account.position("XY")) == (RiskState.ACTIVE, 20.0)
        assert path.account.working == {}


@pytest.mark.parametrize("shown", [0.4, 1.0])
def test_a_part_that_ends_leaves_the_order_working_until_the_other_has_ended(made, shown):
    desk = made(latency=5).start()
    order = send(desk, 2.0)
    desk.venues["near"].advance(20, {"XY": NEAR._replace(ask_size=[shown, 0.0])})
    account = account_of([order], desk.heard)
    assert account.working["a"].left == 2.0 - shown
    asyncio.run(desk.gateway.start(desk.heard.append))
    desk.venues["far"].advance(20, {"XY": FAR._replace(fault="crossed")})
    account = account_of([order], desk.heard)
    assert (account.position("XY"), account.working) == (shown, {})
    assert (desk.heard[-1].text, desk.heard[-2].text) == (UNFILLED, "crossed")


def test_the_rounding_of_two_venues_sums_is_no_difference_after_a_restart(tmp_path):
    rng = np.random.default_rng(1)
    with recovered(tmp_path, latency=0) as (path, desk):
        for step in range(1, 300):
            best = rng.permutation([100.0, 101.0])
            sizes = [rng.uniform(1.0, 9e4) for _ in range(4)]
            desk.books = [
                Book([at - 2.0, at - 3.0], [sizes[k], 1e9], [at, at + 2.0], [sizes[k + 2], 1e9])
                for k, at in enumerate(best)
            ]
            units = float(rng.choice([-1.0, 1.0]) * rng.uniform(1.0, 1e5))
            path.send(Order(f"o{step}", "XY", units, decided=step))
            desk.advance(step + 1)
        off = path.account.position("XY") - asyncio.run(desk.gateway.positions())["XY"]
        assert abs(off) > 1e-12
    with recovered(tmp_path, latency=0) as (path, _):
        assert path.latch.state is RiskState.ACTIVE


def test_what_is_filled_while_an_account_is_asked_what_it_has_counts_once(made):
    desk = made().start()
    send(desk, 2.0, limit=99.5)
    desk.advance(11)

    async def ask():
        held = await desk.venues["near"].positions()
        desk.venues["near"].advance(20, {"XY": NEAR._replace(ask_price=[99.5], ask_size=[9.0])})
        return Purse(held.get("XY", 0.0), 1000.0)

    traded = desk.gateway._traded
    traded["near"] = traded["near"]._replace(opened=traded["near"].opened._replace(purse=ask))
    desk.start()
    assert desk.gateway._purses["near"].units == desk.held()[0] == 2.0


def test_a_report_of_nobodys_order_is_passed_on(made):
    desk = made().start()
    desk.gateway._heard("near", Report("r", "nobody's", Standing.WORKING, 1.0, 100.0))
    assert desk.heard == [Report("r@near", "nobody's", Standing.WORKING, 1.0, 100.0)]


def test_a_damaged_file_is_named_and_another_kind_refused(tmp_path):
    with closing(LineFile(tmp_path / "router", "router")) as file:
        file.append({"order": ["a"], "parts": {}})
    for _ in range(2):
        with pytest.raises(GatewayError, match="line 2 is damaged"):
            Routed({}, lambda: [], tmp_path / "router")
    with closing(LineFile(tmp_path / "nothing", "router")) as file:
        file.append({"order": ["a", "XY", 0.0], "parts": {}})
    with pytest.raises(GatewayError, match=r"nothing: line 2 is damaged \(order a: a quantity of 0.0"):
        Routed({}, lambda: [], tmp_path / "nothing")
    LineFile(tmp_path / "other", "paper venue").close()
    with pytest.raises(GatewayError, match="not the file of a router"):
        Routed({}, lambda: [], tmp_path / "other")


def made_quotes(seed, off):
    rng = np.random.default_rng(seed)
    open_at = pd.Timestamp(f"{DAY} 00:00", tz="UTC")
    times = open_at + pd.to_timedelta(np.sort(rng.uniform(0.0, 60.0, 400)), unit="s")
    mid = 100.0 + np.cumsum(np.random.default_rng(1).normal(0.0, 0.02, 400)) + off
    return pd.DataFrame(
        {
            "known_time": times.astype("datetime64[ns, UTC]"),
            "bid_price": mid - rng.uniform(0.01, 0.1, 400),
            "bid_size": rng.uniform(5.0, 8.0, 400),
            "ask_price": mid + rng.uniform(0.01, 0.1, 400),
            "ask_size": rng.uniform(5.0, 8.0, 400),
        }
    )


class Ordering:
    """A hedger that sends an order at every decision."""

    def __init__(self, path):
        self.path, self.since, self.parents, self.orders = path, 0, self, []
        self.due = NEVER

    def decide(self, row, quote, today, began):
        units = (1.0 if len(self.orders) % 3 else -1.0) * (0.5 + len(self.orders) % 5)
        self.orders.append(Order(f"o{row.at}", "XY", units, decided=row.at))
        self.path.send(self.orders[-1])


@pytest.fixture
def few_features(monkeypatch):
    known = desk_day.known_features
    for module in (desk_day, decision_day):
        monkeypatch.setattr(module, "known_features", lambda *args: known(*args)[:2])


def desk_within(folder, fee):
    return IntradayDesk.model_validate(
        {
            "name": "made",
            "option": {"steps": 5, "start_every": 5},
            "hedge": {"latency": {"median_seconds": 0.0}},
            "costs": {"fee_bps": fee},
            "data": {"instrument": "XY", "folder": str(folder), "files": ["*.log"]},
            "grid": {"open": "00:00", "close": "00:01", "every_seconds": 1},
            "windows": {
                name: f"2020-02-0{day}"
                for day, name in enumerate(
                    ("learn_start", "signals_start", "test_start", "test_end"), start=1
                )
            },
            "policies": {"run": ["delta_implied"]},
        }
    )


def lived(folder, own, other, two=True, fee=1.0):
    """Live a day through the day's own steps; return the account and its reports."""
    folder.mkdir()
    desk = desk_within(folder, fee)
    tables = day_tables(quotes=own, **({} if other is None else {"other_quotes": other}))
    before = pd.DataFrame({"day": ["2020-03-01"], "step_seconds": [1.0]})
    day = DeskDay(desk, DAY, tables, {}, before, routed=two)
    way, second = on_paper(desk.costs), RoutedSettings(fee_bps=2.0)
    if two:
        way = routed(desk, way, on_paper(second), second)
    with (
        Journal(folder / "journal.db", "made", now=0) as journal,
        way(folder, day.latency, day.books) as opened,
    ):
        path = OrderPath(journal, opened.gateway, now=lambda: day.now)
        asyncio.run(recover(path, now=0))
        hedger = Ordering(path)
        moments = [*(Moment(part.until, part) for part in day.parts()), Moment(END, None)]
        for moment in moments:
            list(day.go(moment, hedger, opened.played))
        assert path.latch.state is RiskState.ACTIVE
        return path.account, list(path.journal.reports())


def test_a_stored_day_of_two_venues_is_lived_cheaper_than_at_either_alone(tmp_path, few_features):
    own, other = made_quotes(2, 0.0), made_quotes(3, 0.01)
    single = [
        lived(tmp_path / "own", own, None, two=False)[0],
        lived(tmp_path / "other", other, None, two=False, fee=2.0)[0],
    ]
    both, reports = lived(tmp_path / "both", own, other)
    assert {order.standing for order in both.orders.values()} == {Standing.FILLED}
    assert len(both.orders) > 40
    assert {each.report_id.partition("@")[2] for each in reports} >= {"own", "other"}
    for alone in single:
        assert alone.position("XY") == pytest.approx(both.position("XY"), abs=1e-9)
        assert both.cash > alone.cash


def test_an_order_never_sees_the_second_book_before_it_was_known(tmp_path, few_features):
    """The day is cut short: what was routed before the cut is the same."""
    own, other = made_quotes(2, 0.0), made_quotes(3, 0.01)
    cut = pd.Timestamp(f"{DAY} 00:00:30", tz="UTC")
    _, whole = lived(tmp_path / "whole", own, other)
    _, short = lived(tmp_path / "short", own, other[other["known_time"] <= cut])
    early = [each for each in whole if each.time < cut.value]
    assert [each for each in short if each.time < cut.value] == early
    assert len(early) > 20
    assert short != whole


def test_a_day_without_a_second_book_is_refused(tmp_path, few_features):
    with pytest.raises(DataError, match=r"second venue: name its files in data\.other_files"):
        lived(tmp_path / "one", made_quotes(2, 0.0), None)
