"""A stepped policy goes through the same books, and sees the desk's own state as it was at each time."""

from dataclasses import dataclass, field, fields, replace

import numpy as np
import pytest

from pipeline.backtest.book import build_book
from pipeline.backtest.comparison import run_backtest
from pipeline.backtest.daily import daily_books
from pipeline.backtest.episodes import build_episodes
from pipeline.backtest.explain import revalue
from pipeline.backtest.holdings import rolling_programme
from pipeline.backtest.ledger import Ledger, book, book_by_fill
from pipeline.backtest.stepping import band_along, options_cash
from pipeline.domain.band import Band
from pipeline.domain.desk import Desk, parse_desk
from pipeline.domain.errors import PolicyError, SettingsError
from pipeline.domain.limit_settings import LimitSettings
from pipeline.execution.terms import Terms
from pipeline.policies.base import Untrained
from pipeline.policies.limit_aware import LimitAware
from pipeline.policies.whalley_wilmott import WhalleyWilmott

LIMITS = LimitSettings(position=2.0, loss=1.5)


@dataclass(frozen=True)
class Known(Untrained):
    """Answers what was computed for all times at once, time by time, and notes what it is told."""

    band_of_all: Band
    told: list = field(default_factory=list)
    name = "known"
    reads_position = True

    def band(self, state):
        self.told.append(state)
        k = int(state.step[0])
        return Band(*(getattr(self.band_of_all, edge.name)[:, k : k + 1] for edge in fields(Band)))


class Stepped(WhalleyWilmott):
    reads_position = True


@pytest.fixture(params=["future", "spot"])
def episodes(request, desk, sessions):
    own = desk.model_copy(update={"hedge": desk.hedge.model_copy(update={"instrument": request.param})})
    built = build_episodes(own, sessions)
    rows = np.arange(500, 560)
    return replace(
        built,
        state=built.state.episodes(rows),
        market=built.market.episodes(rows),
        step_end=built.step_end.episodes(rows),
    )


def lasting_impact(market):
    terms = Terms(fee=2e-5, fixed_fee=1e-3, memory=0.7, lot=0.01)
    return replace(market, impact=np.full(market.cost.shape, 1e-4), terms=terms)


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("change", [lambda market: market, lasting_impact])
def test_stepping_changes_no_bit_of_the_books(episodes, delay, change):
    state, market = episodes.state, change(episodes.market)
    band = WhalleyWilmott().band(state)
    stepped = band_along(Known(band), state, market, delay, LIMITS)
    for edge in fields(Band):
        np.testing.assert_array_equal(getattr(stepped, edge.name), getattr(band, edge.name))
    ours, theirs = book(market, stepped, delay), book(market, band, delay)
    for each in fields(Ledger):
        if each.name != "fills":
            np.testing.assert_array_equal(getattr(ours, each.name), getattr(theirs, each.name), each.name)


def test_a_policy_asked_step_by_step_answers_as_in_one_call(episodes):
    stepped = band_along(Stepped(), episodes.state, episodes.market)
    at_once = band_along(WhalleyWilmott(), episodes.state, episodes.market)
    for edge in fields(Band):
        np.testing.assert_allclose(
            getattr(stepped, edge.name), getattr(at_once, edge.name), rtol=1e-13, atol=1e-15
        )


@pytest.mark.parametrize("delay", [0, 1])
def test_it_is_told_the_position_and_the_books_before_its_trade(episodes, delay):
    state, market = episodes.state, lasting_impact(episodes.market)
    policy = Known(WhalleyWilmott().band(state))
    ledger = book_by_fill(market, band_along(policy, state, market, delay, LIMITS), delay)
    before = np.concatenate([np.zeros((len(ledger.position), 1)), ledger.position[:, :-1, 0]], axis=1)
    told = {
        name: np.concatenate([getattr(each, name) for each in policy.told], axis=1)
        for name in ("inventory", "realised_pnl", "marked_pnl", "position_room", "loss_room")
    }
    np.testing.assert_array_equal(told["inventory"], before)
    np.testing.assert_array_equal(told["position_room"], np.clip(1 - np.abs(before) / 2.0, 0, 1))
    flow = np.zeros((len(before), before.shape[1] + 1))
    flow[:, 0] = market.premium
    revaluation = revalue(state, episodes.step_end, np.diff(market.price[..., 0], axis=1))
    days = daily_books(market, ledger, revaluation, flow)
    since = np.concatenate([np.zeros((len(before), 1)), np.cumsum(days.pnl, axis=1)[:, :-1]], axis=1)
    np.testing.assert_allclose(told["marked_pnl"], since, atol=1e-11)
    fallen = np.maximum.accumulate(np.maximum(since, 0.0), axis=1) - since
    np.testing.assert_allclose(told["loss_room"], np.clip(1 - fallen / 1.5, 0, 1), atol=1e-11)
    gained = np.cumsum(ledger.position[..., 0] * np.diff(market.price[..., 0], axis=1), axis=1)
    paid = np.cumsum(ledger.fills.cost, axis=1)[:, :-1]
    np.testing.assert_allclose(
        told["realised_pnl"][:, 1:] - np.cumsum(days.carry - revaluation.financing, axis=1)[:, :-1],
        (gained - paid)[:, :-1],
        atol=1e-11,
    )


def test_a_book_knows_its_cash_from_options_and_its_limit_counts_them(desk, sessions):
    held_book = build_book(desk, sessions, rolling_programme(desk, sessions, np.arange(530, 600)))
    state, market = held_book.state, held_book.market
    policy = Known(WhalleyWilmott().band(state))
    cash = options_cash(held_book.flow, market.interest)
    ledger = book_by_fill(market, band_along(policy, state, market, 0, LIMITS, cash))
    revaluation = revalue(state, held_book.step_end, np.diff(market.price[..., 0], axis=1))
    days = daily_books(market, ledger, revaluation, held_book.flow, held_book.dealt)
    told = np.concatenate([each.marked_pnl for each in policy.told], axis=1)[0]
    since = np.concatenate([[0.0], np.cumsum(days.pnl[0])[:-1]]) + held_book.dealt[0]
    np.testing.assert_allclose(told, since, atol=1e-10)
    lots = np.sum(state.lots, axis=0)[0]
    fallen = np.maximum.accumulate(np.maximum(told, 0.0)) - told
    room = np.concatenate([each.loss_room for each in policy.told], axis=1)[0]
    np.testing.assert_allclose(room, np.clip(1 - fallen / (1.5 * lots), 0, 1), atol=1e-10)


def test_what_it_is_told_does_not_depend_on_what_comes(episodes):
    t = 9
    wild = replace(episodes.market, price=episodes.market.price.copy())
    wild.price[:, t + 1 :] *= 1.3
    answers = [
        band_along(LimitAware(), episodes.state, market, 0, LIMITS) for market in (episodes.market, wild)
    ]
    before, after = (answer.upper - answer.lower for answer in answers)
    np.testing.assert_array_equal(before[:, : t + 1], after[:, : t + 1])
    assert not np.array_equal(before, after)


def test_a_loss_narrows_the_band_by_the_cube_root_of_what_is_left(episodes):
    state = episodes.state
    wide = WhalleyWilmott().band(state)
    for room in (1.0, 0.125, 0.0):
        band = LimitAware().band(replace(state, loss_room=np.full(state.shape, room)))
        np.testing.assert_allclose(
            band.upper - band.lower, np.cbrt(room) * (wide.upper - wide.lower), atol=1e-14
        )
        np.testing.assert_allclose(band.upper + band.lower, wide.upper + wide.lower, atol=1e-13)


def test_unless_it_is_stepped_it_does_not_answer(episodes):
    with pytest.raises(PolicyError, match="limit_aware: reads loss_room, so it must be stepped"):
        LimitAware().band(episodes.state)


def with_limit(desk, loss):
    run = ("whalley_wilmott", "limit_aware")
    return Desk.model_validate(
        {**desk.model_dump(), "policies": {"run": run, "budget": 8}, "limits": {"loss": loss}}
    )


def test_it_runs_through_the_whole_backtest_between_its_two_limits(desk, signals):
    far, near = (run_backtest(with_limit(desk, loss), signals) for loss in (1e9, 0.5))
    trades = {
        (name, each): tables["episodes"].query("policy == @each and delay == 0")["trades"].sum()
        for name, tables in (("far", far), ("near", near))
        for each in ("whalley_wilmott", "limit_aware", "delta_implied")
    }
    assert trades["far", "limit_aware"] == trades["far", "whalley_wilmott"]
    assert trades["near", "whalley_wilmott"] < trades["near", "limit_aware"]
    assert trades["near", "limit_aware"] <= trades["near", "delta_implied"]
    for view in ("book", "replays"):
        assert set(near[view].get("policy", [])) == set(far[view].get("policy", []))
    width = {each: (own["upper"] - own["lower"]).to_numpy() for each, own in near["book"].groupby("policy")}
    assert (width["limit_aware"] <= width["whalley_wilmott"] + 1e-12).all()
    assert (width["limit_aware"] < 0.5 * width["whalley_wilmott"]).any()


def test_a_desk_that_runs_it_without_a_limit_is_told():
    with pytest.raises(
        SettingsError, match=r"limit_aware hedges by what is left of a loss limit: set limits\.loss"
    ):
        parse_desk('name = "x"\npolicies.run = ["limit_aware"]', "x.toml")
    assert (
        parse_desk('name = "x"\npolicies.run = ["limit_aware"]\nlimits.loss = 2', "x.toml").limits.loss == 2.0
    )
