"""A desk that decides live does what the kernel does on the same day; overlay and latch hold it back."""

import asyncio
from contextlib import ExitStack, closing
from functools import partial
from time import perf_counter_ns

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.lane import hedge_lane
from pipeline.domain.errors import SettingsError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.orders import LEAST
from pipeline.domain.overlay_settings import OverlaySettings
from pipeline.features.book_at import SIDES
from pipeline.features.book_walk import SOUND
from pipeline.features.decision_row import DecisionRow
from pipeline.features.running_book import Quote
from pipeline.live.approvals import Answer, Answered
from pipeline.live.carry import FUNDED
from pipeline.live.grounds import DECIDES
from pipeline.live.hedger import Hedger
from pipeline.live.journal import Journal
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.permits import Permits
from pipeline.live.recovery import recover
from pipeline.live.venue import Book
from pipeline.live.worth_kept import WorthKept
from pipeline.policies.catalogue import POLICIES
from pipeline.policies.recurrent_band import RecurrentBand
from pipeline.risk.overlay import Overlay
from pipeline.risk.state import RiskState
from tests.live.made_decisions import REACH, STEPS, decision_signals, made_signals, sees_the_state

DESK_COST = 2e-4


class Told:
    """Signals that are known already."""

    def __init__(self, table):
        self._left = iter(decision_signals(table))

    names = ("minutes",)

    def step(self, row):
        return next(self._left)


@pytest.fixture(scope="module")
def day():
    return made_signals()


@pytest.fixture(scope="module")
def desk():
    return IntradayDesk.model_validate(
        {
            "name": "made",
            "option": {"steps": REACH, "start_every": 5},
            "hedge": {"size": 0.5, "lot": 0.01},
            "costs": {"crossing": 1.3},
            "data": {"instrument": "BTC", "files": ["none"]},
            "grid": {"every_seconds": 30},
            "windows": {
                "learn_start": "2020-03-02",
                "signals_start": "2020-03-03",
                "test_start": "2020-03-04",
                "test_end": "2020-03-05",
            },
            "policies": {"run": ["delta_implied", "whalley_wilmott"]},
        }
    )


@pytest.fixture
def lived(desk, day, tmp_path):
    """Return what decides through the day, and gives the decisions, the positions after and the path."""
    opened = ExitStack()
    with opened:
        yield partial(live, opened, desk, day, tmp_path)


def live(opened, desk, day, place, policy, overlay=None, until=STEPS, change=None, people=None, funding=None):
    signals, books = day
    latency = int(books["latency"].iloc[0] * 1e9)
    journal = opened.enter_context(Journal(place / "journal.db", desk.name, now=0))
    gateway = opened.enter_context(closing(PaperGateway(place / "venue", latency=lambda _: latency)))
    path = OrderPath(journal, gateway, now=lambda: 0)
    asyncio.run(recover(path, now=0))
    rules = OverlaySettings(**(overlay or {}))
    hedger = Hedger(
        desk, Told(signals if change is None else change(signals)), policy, DESK_COST, Overlay(rules), path,
        permits=people and Permits(rules.approval, path, people, desk.name),
    )  # fmt: skip
    decided, held = [], []
    for row in range(until):
        book = book_at(books.iloc[row])
        quote = Quote(book.bid_price[0], book.ask_price[0], 0.1)
        settled = (funding or {}).get(row, ())
        began, seen = perf_counter_ns(), DecisionRow(row, "", np.array([row / 2.0]), settled)
        decided.append(hedger.decide(seen, quote, STEPS - 1 - row % STEPS, began))
        gateway.advance(decided[-1].at + latency + 1, {"BTC": book})
        held.append(path.account.position("BTC"))
    return decided, np.array(held), path


def book_at(row):
    levels = {side: [float(row[f"{side}_{k}"]) for k in range(3)] for side in SIDES}
    return Book(**levels, fault="" if row["state"] == SOUND else "crossed")


@pytest.mark.parametrize("name", ["delta_implied", "whalley_wilmott", "regime_switched", "network_band"])
def test_a_day_decided_live_is_the_kernels_order_for_order(desk, day, lived, name):
    policy = sees_the_state() if name == "network_band" else POLICIES[name]()
    lane = hedge_lane(desk, *day, policy, DESK_COST)
    decided, held, path = lived(policy)
    np.testing.assert_allclose(held, lane.position, atol=1e-12)
    np.testing.assert_allclose([each.lower for each in decided], lane.lower, rtol=1e-12)
    assert [each.dealt for each in decided] == list(lane.dealt)
    orders = path.journal.orders()
    assert len(orders) > 20
    assert orders == [each.order for each in decided if each.order]
    assert [order[:2] + order[3:] for order in orders] == [
        (f"made-{order.decided}", "BTC", None, order.decided, "", "") for order in orders
    ]
    assert {order.decided for order in orders} == {each.at for each in decided if each.order}
    short = [report for report in path.journal.reports() if report.text]
    assert "not enough shown" in {report.text for report in short}
    assert abs(held[-1]) < desk.hedge.lot
    explained = [each.at for each in path.journal.entries() if each.what == DECIDES]
    assert explained == [each.at for each in decided], "one that asks for nothing too"


def test_what_is_not_known_is_not_traded(desk, day, lived):
    def unknown(signals):
        return signals.assign(cost_forecast=signals["cost_forecast"].where(~signals.index.isin([4, 5])))

    decided, held, _ = lived(POLICIES["delta_implied"](), change=unknown)
    lane = hedge_lane(desk, unknown(day[0]), day[1], POLICIES["delta_implied"](), DESK_COST)
    np.testing.assert_allclose(held, lane.position, atol=1e-12)
    assert [each.order for each in decided[4:6]] == [None, None]


def test_before_the_first_quote_of_a_day_nothing_is_traded_and_nothing_halts(lived):
    def unknown(signals):
        early = signals.index < 3
        return signals.assign(**{name: signals[name].mask(early) for name in ("mid", "cost_forecast")})

    decided, _, path = lived(POLICIES["delta_implied"](), {"loss_a_day": 1e9}, change=unknown)
    assert path.latch.state is RiskState.ACTIVE
    assert [each.order for each in decided[:3]] == [None] * 3
    assert [each.worth.drawdown for each in decided[:3]] == [0.0] * 3
    assert sum(each.order is not None for each in decided) > 20


def test_a_rule_that_halts_stays_halted_and_is_in_the_audit(lived):
    decided, _, path = lived(POLICIES["delta_implied"](), {"orders_a_minute": 1})
    sent = [each for each in decided if each.order]
    assert path.latch.state is RiskState.HALTED
    assert path.latch.who == "orders_a_minute"
    after = [each for each in decided if each.at > sent[-1].at]
    assert len(after) > 30
    entry = next(each for each in path.journal.entries() if "orders_a_minute" in each.why)
    assert entry.inputs["sent"] == 0.0
    assert path.journal.latch().state is RiskState.HALTED


def test_what_was_decided_is_not_decided_again_though_no_order_came_of_it(desk, day, tmp_path):
    soft, policy = {"order_size": {"limit": 1.0, "soft": 0.01}}, POLICIES["delta_implied"]()
    with ExitStack() as opened:
        first, _, path = live(opened, desk, day, tmp_path, policy, soft, until=12)
        written = path.journal.entries()
    assert any(each.judged.held for each in first)
    assert not any(each.past for each in first)
    with ExitStack() as opened:
        again, _, path = live(opened, desk, day, tmp_path, policy, soft, until=20)
        added = path.journal.entries(len(written))
    last = max(each.at for each in written)
    assert [each.past for each in again] == [each.at <= last for each in again]
    assert {each.what for each in added if each.at <= last} <= {"reconcile"}
    assert any(each.at > last for each in added)


def test_a_day_that_was_cut_off_goes_on_with_its_turnover_loss_drawdown_and_orders(desk, day, tmp_path):
    policy = POLICIES["delta_implied"]()

    def lived(folder, until):
        (tmp_path / folder).mkdir(exist_ok=True)
        with ExitStack() as opened:
            return live(opened, desk, day, tmp_path / folder, policy, until=until)[0]

    whole, _, again = lived("whole", STEPS), lived("cut", 41), lived("cut", STEPS)
    assert [each.past for each in again] == [row < 41 for row in range(STEPS)]
    for kind in ("turnover", "loss", "drawdown", "orders"):
        told, expected = ([getattr(each.seen, kind) for each in days[41:]] for days in (again, whole))
        assert max(expected) > 0.0
        assert told == pytest.approx(expected, abs=1e-9), kind


def test_a_desk_that_starts_on_another_day_knows_the_highest_of_the_days_before(desk, day, tmp_path):
    policy, signals = POLICIES["delta_implied"](), day[0]
    next_day = signals.assign(time=signals["time"] + pd.Timedelta("1D"), day="2020-03-06"), day[1]
    both = pd.concat([signals, next_day[0]]), pd.concat([day[1], day[1]])

    def lived(folder, days, until):
        (tmp_path / folder).mkdir(exist_ok=True)
        with ExitStack() as opened:
            decided, _, path = live(opened, desk, days, tmp_path / folder, policy, until=until)
            with (kept := WorthKept()).beside(path):
                for each in decided:
                    kept.after(each, path)
        return decided

    whole = lived("whole", both, 2 * STEPS)
    lived("parted", day, STEPS)
    again = lived("parted", next_day, STEPS)
    expected = [each.worth.drawdown for each in whole[STEPS:]]
    assert [each.worth.drawdown for each in again] == pytest.approx(expected, abs=1e-9)
    assert [each.worth.options for each in again] == pytest.approx(
        [each.worth.options for each in whole[STEPS:]]
    )
    alone = max(each.worth.hedge + each.worth.options for each in whole[STEPS:])
    assert alone < max(each.worth.hedge + each.worth.options for each in whole[:STEPS])


def test_a_day_without_a_market_forgets_nothing_of_the_days_before(desk, day, tmp_path):
    policy, signals = POLICIES["delta_implied"](), day[0]

    def on(number, **changed):
        ahead = pd.Timedelta(f"{number}D")
        return signals.assign(time=signals["time"] + ahead, day=f"2020-03-0{5 + number}", **changed), day[1]

    found = {}
    for folder, days in (("whole", (on(0), on(2))), ("shut", (on(0), on(1, mid=np.nan), on(2)))):
        (tmp_path / folder).mkdir()
        for each in days:
            with ExitStack() as opened:
                decided, _, path = live(opened, desk, each, tmp_path / folder, policy)
                with (kept := WorthKept()).beside(path):
                    for one in decided:
                        kept.after(one, path)
        found[folder] = [each.worth for each in decided]
    np.testing.assert_allclose(found["shut"], found["whole"], atol=1e-9)
    assert abs(found["whole"][0].options) > 0.0 < max(each.drawdown for each in found["whole"])


def test_funding_booked_too_late_to_trade_is_audited_once_and_counts_on_every_later_start(
    desk, day, tmp_path
):
    perpetual = desk.model_copy(update={"hedge": desk.hedge.model_copy(update={"instrument": "perpetual"})})
    times, policy = [each.value for each in day[0]["time"]], POLICIES["delta_implied"]()

    def lived(until, told=None):
        funding = {} if told is None else {told: ((times[10], 0.01),)}
        with ExitStack() as opened:
            decided, _, path = live(opened, perpetual, day, tmp_path, policy, until=until, funding=funding)
            return decided, [each for each in path.journal.entries() if each.what == FUNDED]

    assert lived(20)[1] == []
    late, [line] = lived(30, told=12)
    assert late[12].past
    assert line.at == times[12]
    assert line.inputs["money"] != 0.0
    for told in (None, 12, 25):
        again, lines = lived(40, told)
        assert lines == [line]
        assert again[12].carry == late[12].carry == line.inputs["money"]
        assert again[12].worth.hedge == pytest.approx(late[12].worth.hedge, abs=1e-12)


def test_a_rule_that_clamps_keeps_the_position_within(lived):
    decided, held, path = lived(POLICIES["delta_implied"](), {"position": 0.1})
    assert np.abs(held).max() <= 0.1 + LEAST
    assert any(each.judged.rulings and each.order for each in decided)
    assert path.latch.state is RiskState.ACTIVE


class Yes:
    """Somebody who approves everything at once."""

    fault = ""

    def __init__(self):
        self._said = []

    def ask(self, question):
        self._said.append(
            Answered(question.request, Answer(verdict="approve", person="ada", reason="so be it"))
        )

    def answers(self):
        said, self._said = self._said, []
        return said

    def close(self, request, why): ...


def test_an_order_beyond_a_soft_limit_is_sent_only_if_a_person_permits_it(lived):
    soft = {"order_size": {"limit": 1.0, "soft": 0.05}}
    decided, _, path = lived(POLICIES["delta_implied"](), soft, until=12, people=Yes())
    held = [row for row, each in enumerate(decided) if each.judged.held]
    assert held
    sent = next(each for each in decided[held[0] + 1 :] if each.order)
    entries = [each for each in path.journal.entries() if each.at == sent.at]
    assert abs(sent.order.quantity) > 0.05
    assert {each.what for each in entries} >= {"approve", "decide"}


def test_without_anybody_to_ask_no_order_beyond_a_soft_limit_is_sent(lived):
    decided, held, _ = lived(
        POLICIES["delta_implied"](), {"position": {"limit": 1.0, "soft": 0.05}}, until=12
    )
    assert any(each.judged.held for each in decided)
    assert np.abs(held).max() <= 0.05 + LEAST


def test_a_loss_halts_though_nothing_is_asked(lived):
    none = POLICIES["none"]()
    _, held, path = lived(none, {"loss_a_day": 0.001})
    assert path.latch.who == "loss_a_day"
    assert not held.any()


@pytest.mark.parametrize(("name", "reads"), [("limit_aware", "own state"), ("recurrent_band", "the path")])
def test_a_policy_that_cannot_be_asked_alone_is_refused(lived, desk, day, name, reads):
    policy = (RecurrentBand if name == RecurrentBand.name else POLICIES[name])()
    with pytest.raises(SettingsError, match=reads):
        lived(policy, until=1)
    with pytest.raises(SettingsError, match=reads):
        hedge_lane(desk, *day, policy, DESK_COST)


def test_a_decision_carries_what_it_was_made_on(lived, day):
    decided, _, _ = lived(POLICIES["delta_implied"]())
    worth = np.array([each.worth.hedge + each.worth.options for each in decided])
    drawdown = np.maximum.accumulate(worth) - worth
    np.testing.assert_allclose([each.worth.drawdown for each in decided], drawdown, atol=1e-12)
    assert [each.mid for each in decided] == day[0]["mid"].tolist()
    open_ones = [each for each in decided if each.state is not None]
    assert len(open_ones) > STEPS / 2
    assert all(each.seen.delta == pytest.approx(each.lower) for each in open_ones)
    assert {each.names for each in decided} == {("minutes",)}
    assert [each.numbers[0] for each in decided] == [row / 2.0 for row in range(len(decided))]
    assert all(0.0 < each.refresh < each.took < 10.0 for each in decided)
    assert [each.told.mid for each in decided] == [each.mid for each in decided]
