"""One compiled call sees and wants what the parts do one by one; the account is that of plain Python."""

from collections import Counter
from unittest.mock import patch

import numpy as np
import pytest

from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.lane import Dealt, next_dealt
from pipeline.backtest.option_state import OptionStates
from pipeline.domain.errors import PolicyError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.overlay_settings import OverlaySettings
from pipeline.features.running_book import Quote
from pipeline.live.look import Held, Look
from pipeline.live.one_call import OWN
from pipeline.live.option_account import OptionAccount
from pipeline.policies.catalogue import POLICIES
from pipeline.risk.overlay import Overlay
from tests.live.made_decisions import REACH, STEPS, decision_signals, made_signals, sees_the_state

RULES = {
    "position": 0.4,
    "loss_a_day": 0.3,
    "price_collar": 0.002,
    "outside_training": 0.5,
    "delta_distance": 0.2,
}


def desk_of(**changed):
    made = {
        "name": "made",
        "option": {"steps": REACH, "start_every": 5, "kind": "straddle"},
        "hedge": {"size": 0.5, "lot": 0.01},
        "data": {"instrument": "BTC", "files": ["none"]},
        "grid": {"every_seconds": 30},
        "windows": dict.fromkeys(("learn_start", "signals_start", "test_start", "test_end"), "2020-03-02"),
        "policies": {"run": ["regime_switched"]},
    }
    made["windows"] |= {"signals_start": "2020-03-03", "test_start": "2020-03-04", "test_end": "2020-03-05"}
    return IntradayDesk.model_validate(made | changed)


def looks(desk, policy):
    """The same desk twice: the compiled call, and the parts."""
    overlay = Overlay(OverlaySettings(**RULES))
    whole, parts = (Look(desk, overlay, OptionStates(desk, 2e-4), policy) for _ in range(2))
    parts._compiled = None
    return whole, parts, overlay


def told_over_days(rng):
    """Signals of two days, some of them not known, the second from its middle on."""
    for number in (3, 4):
        table, _ = made_signals(number)
        table["day"] = f"2020-03-0{number}"
        unknown = rng.random(STEPS) < 0.1
        table.loc[unknown, "cost_forecast"] = np.nan
        table.loc[:1, "mid"] = np.nan
        for row, told in enumerate(decision_signals(table)):
            yield STEPS - 1 - row, told._replace(outside=float(rng.uniform(0.0, 0.6)))


@pytest.mark.parametrize("name", ["regime_switched", "regime_switched_no_forecasts", "network_band"])
def test_one_call_sees_and_wants_what_the_parts_do(name):
    rng, options, clear = np.random.default_rng(5), set(), []
    whole, parts, overlay = looks(desk_of(), sees_the_state() if name == "network_band" else POLICIES[name]())
    assert whole._compiled is not None
    for today, told in told_over_days(rng):
        bid = told.mid * (1.0 + float(rng.normal(0.0, 1e-3)))
        quote = Quote(bid, bid + 0.01, float(rng.random()))
        numbers = rng.normal(0.0, 0.2, 6).tolist()
        held = Held(*numbers[:3], 100.0 * numbers[3], abs(numbers[4]), numbers[5], int(rng.integers(5)), ())
        one, other = whole(told, quote, today, held), parts(told, quote, today, held)
        assert one[0] == other[0]
        np.testing.assert_equal(tuple(whole.seen()), tuple(parts.seen()))
        assert whole.numbers[:OWN].tobytes() == parts.numbers[:OWN].tobytes()
        judged = overlay.judge(other[0], parts.seen().seen)
        assert one[1] == (judged.units == other[0] and not judged.rulings)
        options.add(whole.seen().dealt)
        clear.append(one[1])
    assert len(options) > 50
    assert 0.2 < np.mean(clear) < 0.9


ODD = (0.0, np.nan, np.inf, -np.inf, 1e300)
TOLD = ("mid", "step_seconds", "cost", "cost_lower", "cost_upper", "gap_prob", "spike_base", "outside")


def odd(rng, numbers, often):
    """Numbers, some of which are none, or none that a market has."""
    return [rng.choice(ODD).item() if rng.random() < often else each for each in numbers]


def looked(look, told, quote, today, held):
    """What a look finds, or what it says where there is no band."""
    try:
        found = look(told, quote, today, held)
        return *found, look.seen()
    except PolicyError as error:
        return str(error)


@np.errstate(all="ignore")
def test_numbers_that_no_market_has_are_seen_as_by_the_parts_and_never_clear_a_rule_that_is_broken():
    rng, counted = np.random.default_rng(8), Counter()
    for _ in range(60):
        whole, parts, overlay = looks(desk_of(), POLICIES["regime_switched"]())
        for today, told in told_over_days(rng):
            curves = told.curves.copy()
            if rng.random() < 0.05:
                curves[rng.integers(5), rng.integers(REACH)] = rng.choice(ODD)
            changed = dict(zip(TOLD, odd(rng, [getattr(told, name) for name in TOLD], 0.01), strict=True))
            numbers = odd(rng, [told.mid - 0.01, told.mid + 0.01, 0.1, *rng.normal(0.0, 0.2, 6)], 0.01)
            seen = told._replace(curves=curves, **changed), Quote(*numbers[:3]), today
            held = Held(*numbers[3:], int(rng.integers(5)), ())
            one, other = (looked(look, *seen, held) for look in (whole, parts))
            if isinstance(one, str):
                assert one == other
                counted["none"] += 1
                break  # a desk ends here
            np.testing.assert_equal((one[0], *one[2]), (other[0], *other[2]))
            with patch.object(Overlay, "_is_clear", return_value=False):
                judged = overlay.judge(other[0], other[2].seen)
            assert one[1] == (judged.units == other[0] and not judged.rulings)
            counted[one[1]] += 1
    assert min(counted[key] for key in ("none", True, False)) > 10


def test_an_interval_that_begins_at_zero_is_wider_than_any_limit():
    desk, told = desk_of(), list(decision_signals(made_signals()[0]))[5]
    told.curves[1] = 0.0
    for name in ("regime_switched", "delta_implied"):
        overlay = Overlay(OverlaySettings(interval_ratio=5.0))
        look = Look(desk, overlay, OptionStates(desk, 2e-4), POLICIES[name]())
        *_, clear = look(told, Quote(99.0, 101.0, 0.1), 50, Held(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, ()))
        assert not clear
        assert look.seen().seen.interval_ratio == np.inf


def test_a_desk_goes_on_with_its_option_and_its_account_when_the_policy_changes():
    rng, desk = np.random.default_rng(6), desk_of()
    whole, parts, _ = looks(desk, POLICIES["regime_switched"]())
    held = Held(0.1, 0.1, 0.1, -10.0, 1.0, 0.0, 0, ())
    for number, (today, told) in enumerate(told_over_days(rng)):
        if number == 25:
            whole.adopt(OptionStates(desk, 2e-4), POLICIES["delta_implied"]())
            assert whole._compiled is None
        for look in (whole, parts):
            look(told, Quote(99.0, 101.0, 0.1), today, held)
        found = [look.seen() for look in (whole, parts)]
        np.testing.assert_equal(found[0].worth, found[1].worth)
        assert found[0].dealt == found[1].dealt


def test_a_band_that_is_none_and_a_fixed_fee_are_left_to_the_parts():
    fixed = desk_of(costs={"fixed_fee": 1.0})
    assert looks(fixed, POLICIES["regime_switched"]())[0]._compiled is None
    whole, _, _ = looks(desk_of(), POLICIES["regime_switched"]())
    told = list(decision_signals(made_signals()[0]))[5]
    told.curves[3, REACH - 1] = np.nan
    with pytest.raises(PolicyError, match="regime_switched: no valid band"):
        whole(told, Quote(99.0, 101.0, 0.1), 50, Held(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, ()))


class PlainAccount:
    """A short straddle at the money in plain Python, of size 0.5."""

    def __init__(self):
        self.dealt, self.day, self.cash, self.value = None, "", 0.0, 0.0
        self.highest, self.last = -np.inf, (0.0, 0.0, 0.0, 0.0, 0.0)

    def mark(self, day, mid, dealt, value, hedge, traded):
        if np.isnan(mid):
            return (0.0, 0.0, *self.last[2:])
        if self.dealt is not None and (dealt is None or dealt.left >= self.dealt.left):
            self.cash -= 0.5 * abs(mid - self.dealt.mid)
            self.dealt, self.value = None, 0.0
        if value is not None and dealt is not None:
            money = 0.5 * dealt.mid / START_SPOT * value
            self.cash -= money if self.dealt is None else 0.0
            self.dealt, self.value = dealt, money
        worth = hedge + self.cash + self.value
        if day != self.day:
            self.day, self.first, self.traded = day, worth, traded
        self.highest = max(self.highest, worth)
        options, lost = self.cash + self.value, max(self.first - worth, 0.0)
        self.last = (traded - self.traded, lost, self.highest - worth, hedge, options)
        return self.last


def test_the_account_is_that_of_plain_python():
    rng, account, plain, dealt, mid, before = (
        np.random.default_rng(9),
        OptionAccount(desk_of()),
        PlainAccount(),
        None,
        50.0,
        "",
    )
    for row in range(400):
        day = f"day {row // 40}"
        mid = mid * float(np.exp(rng.normal(0.0, 0.01)))
        seen = np.nan if row % 40 == 0 else mid
        dealt = next_dealt(
            dealt if day == before else None, 7, seen, rng.random() < 0.8 and seen == seen, 39 - row % 40
        )
        value = None if dealt is None or rng.random() < 0.2 else -float(rng.random())
        given = (seen, dealt, value, float(rng.normal()), float(row))
        if day != before:
            account.begin(day)
        np.testing.assert_allclose(account.mark(*given), plain.mark(day, *given), rtol=1e-12, atol=1e-12)
        before = day


def test_a_mark_that_is_no_number_is_seen():
    account = OptionAccount(desk_of())
    account.mark(50.0, Dealt(50.0, 5), -1.0, 0.0, 0.0)
    assert np.isnan(account.mark(50.0, Dealt(50.0, 4), np.nan, 0.0, 0.0).loss)
