"""A challenger on paper: the same models give the same P&L, and what fails never reaches the loop."""

import json
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.lane import Dealt, next_dealt
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import StoreError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.live import catching_up
from pipeline.live.learned import Learned
from pipeline.live.paper_hedge import PaperHedge
from pipeline.monitor import shadow
from pipeline.monitor.alarm import Alarm, Severity
from pipeline.monitor.paper_pair import Challenger, PaperPair
from pipeline.monitor.shadow import Shadow, _Ready
from pipeline.monitor.watch import Watch
from pipeline.policies.catalogue import POLICIES
from tests.live.made_decisions import REACH, STEPS, decision_signals, made_signals

DESK = load_any("bac-intraday")
assert isinstance(DESK, IntradayDesk)
SHORT = DESK.model_copy(
    update={
        "option": DESK.option.model_copy(update={"steps": REACH}),
        "forecasts": DESK.forecasts.model_copy(update={"horizons": (1, REACH)}),
    }
)
TOLD = list(decision_signals(made_signals()[0]))
FITTED = SimpleNamespace(boundary=pd.Timestamp("2020-03-05 15:00", tz="UTC"))


ALARM = Alarm("always", "x", Severity.CRITICAL, "said", TOLD[3].at, {})


class Decided(NamedTuple):
    at: int
    told: Any
    mid: float
    dealt: Dealt | None
    value: float | None
    seen: Any
    worth: Any
    position: float = 0.0
    names: tuple[str, ...] = ("minutes",)
    numbers: np.ndarray = np.zeros(1)
    took: float = 0.0
    funding: tuple[tuple[int, float], ...] = ()


class Told:
    """Signals that are known already; None is a fault."""

    def __init__(self, told):
        self._left = iter(told)

    def step(self, row):
        told = next(self._left)
        if told is None:
            raise ZeroDivisionError("no")
        return told


class Alarming:
    name = "always"

    def watch(self, seen):
        return [ALARM] if seen.at == TOLD[3].at else []

    def state(self):
        return {}


def learned(model, policy="delta_implied", crossing=None):
    return Learned(FITTED, POLICIES[policy](), 1e-4, model, crossing)


def decisions():
    """The decisions of the day, an option after the other, at a spread of two bps."""
    dealt = None
    for row, told in enumerate(TOLD):
        dealt = next_dealt(dealt, REACH, told.mid, told.known, STEPS - 1 - row)
        quote = SimpleNamespace(bid=told.mid * (1 - 1e-4), ask=told.mid * (1 + 1e-4), age=0.1)
        yield Decided(told.at, told, told.mid, dealt, -1.0, quote, SimpleNamespace(options=0.0))


class Challengers:
    """A source that is asked at decisions, not by the clock, and remembers that it was forgotten."""

    def __init__(self):
        self.forgotten = 0

    def newer(self):
        return None

    def forget(self):
        self.forgotten += 1


class Desk:
    """A desk with a challenger that has come at one of its decisions."""

    def __init__(self, place):
        self.said, self.audit, self.source = [], [], Challengers()
        self.file = place / "desk" / "shadow.jsonl"
        self.path = SimpleNamespace(journal=SimpleNamespace(audit=self.audit.append))
        self.shadow = Shadow(
            SHORT, learned("one 1"), self.source, pd.DataFrame(), self.file, self.said.append
        )

    def come(self, challenger, told, seen=0, together=1):
        come = Challenger(challenger, Watch([Alarming()]))
        self.shadow._ready.put(_Ready(together, come, Told(told), seen))

    def decide(self, some):
        for each in some:
            self.shadow.after(each, self.path)

    @property
    def lines(self):
        return (
            [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.is_file() else []
        )


def shadowed(place, policy="delta_implied", told=TOLD, crossing=None):
    desk = Desk(place)
    desk.come(learned("one 2", policy, crossing), told)
    desk.decide(decisions())
    return desk.lines, desk.said


def test_the_same_models_make_the_same_of_every_option(tmp_path):
    lines, said = shadowed(tmp_path)
    assert said == []
    assert len(lines) == STEPS // REACH - 2  # the first was open before, the last has not ended
    assert all(each["champion_pnl"] == each["challenger_pnl"] != 0.0 for each in lines)
    assert [each["alarms"] for each in lines] == [["always x"], *[[]] * (len(lines) - 1)]
    assert (lines[0]["champion"], lines[0]["challenger"]) == ("one 1", "one 2")


def test_both_pay_what_the_challenger_takes_crossing_to_cost(tmp_path):
    free, plain, dear = (
        shadowed(tmp_path / name, crossing=crossing)[0]
        for name, crossing in (("free", 1e-9), ("plain", None), ("dear", 3.0))
    )
    for each, other, third in zip(free, plain, dear, strict=True):
        assert third["champion_pnl"] == third["challenger_pnl"]
        paid = each["champion_pnl"] - other["champion_pnl"]
        assert each["champion_pnl"] - third["champion_pnl"] == pytest.approx(3.0 * paid, rel=1e-6)
    assert (
        sum(each["champion_pnl"] - other["champion_pnl"] for each, other in zip(free, plain, strict=True)) > 0
    )


def test_another_policy_makes_something_else(tmp_path):
    lines, _ = shadowed(tmp_path, "none")
    assert all(each["challenger_pnl"] == 0.0 != each["champion_pnl"] for each in lines)


def test_one_that_fails_is_said_and_compared_no_more(tmp_path):
    lines, said = shadowed(tmp_path, told=[*TOLD[:25], None])
    assert said == ["the challenger is not compared: ZeroDivisionError: no"]
    assert len(lines) == 1


def test_one_that_comes_while_the_desk_is_live_is_compared_from_the_next_option_on(tmp_path):
    desk, made = Desk(tmp_path), list(decisions())
    desk.decide(made[:20])
    assert desk.lines == []
    desk.come(learned("one 2"), TOLD[12:], seen=12)
    desk.decide(made[20:])
    assert desk.lines
    assert all(each["champion_pnl"] == each["challenger_pnl"] != 0.0 for each in desk.lines)
    assert min(each["at"] for each in desk.lines) > TOLD[20].at
    (entry,) = desk.audit
    assert (entry.at, entry.what) == (TOLD[20].at, "challenge")
    assert entry.why.startswith("one 2 ")


def test_one_that_has_learned_from_the_day_is_not_compared_on_it(tmp_path):
    desk, end = Desk(tmp_path), pd.Timestamp(TOLD[-1].at, tz="UTC")
    late = replace(learned("late 2"), signals=SimpleNamespace(boundary=end))
    desk.come(late, TOLD)
    desk.come(replace(learned("network 2"), seen_until=end), TOLD)
    desk.decide(decisions())
    assert desk.lines == []
    told = [said.partition("2: ")[2].rpartition(" until")[0] for said in desk.said]
    assert told == [f"the {who} learned from decisions" for who in ("models", "network")]


def test_another_champion_is_compared_with_who_challenges_it(tmp_path):
    desk, made = Desk(tmp_path), list(decisions())
    desk.come(learned("one 2"), TOLD)
    desk.decide(made[:14])
    before = len(desk.lines)
    desk.shadow.adopt(learned("one 2"))
    assert desk.source.forgotten == 1
    desk.come(learned("one 2"), TOLD)
    desk.decide(made[14:20])
    assert len(desk.lines) == before, "a champion is not compared with itself"
    desk.come(learned("one 3", "none"), TOLD[20:], seen=20)
    desk.decide(made[20:])
    pairs = {(each["champion"], each["challenger"]) for each in desk.lines[before:]}
    assert pairs == {("one 2", "one 3")}


def test_challengers_that_come_together_are_compared_each_until_others_come(tmp_path):
    desk, made = Desk(tmp_path), list(decisions())
    desk.come(learned("all 2"), TOLD)
    desk.come(learned("policy 2", "none"), TOLD)
    desk.come(learned("faulty 2"), [*TOLD[:25], None])
    desk.decide(made[:35])
    desk.come(learned("all 3"), TOLD[35:], seen=35, together=2)
    desk.decide(made[35:])
    pnl = {}
    for each in desk.lines:
        pnl.setdefault(each["challenger"], []).append(each["challenger_pnl"])
    assert {name: len(each) for name, each in pnl.items()} == {
        "all 2": 2, "policy 2": 2, "faulty 2": 1, "all 3": 1,
    }  # fmt: skip
    assert pnl["policy 2"] == [0.0] * 2
    assert 0.0 not in pnl["all 2"]
    assert desk.said == ["the challenger is not compared: ZeroDivisionError: no"]


def test_one_that_cannot_be_loaded_keeps_no_other_from_being_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(catching_up, "RunningSignals", lambda *_: Told(TOLD))

    def missing():
        raise StoreError("damaged")

    desk, come = Desk(tmp_path), [[missing, lambda: Challenger(learned("one 2"), Watch([]))]]
    desk.source.newer = lambda: come.pop() if come else None
    desk.decide(list(decisions())[:1])
    with desk.shadow.beside(None):
        ready = desk.shadow._ready.get(timeout=20.0)
    assert ready.challenger.learned.model == "one 2"
    assert desk.said == ["the challenger is not compared: StoreError: damaged", "on paper beside it: one 2"]


def test_who_cannot_be_loaded_is_said_once_for_each_cause(tmp_path, monkeypatch):
    monkeypatch.setattr(shadow, "POLLED", 0.001)
    desk, asked = Desk(tmp_path), []

    def newer():
        asked.append(1)
        raise StoreError("locked" if len(asked) < 9 else "damaged")

    desk.source.newer = newer
    with desk.shadow.beside(None):
        deadline = time.monotonic() + 20.0
        while len(desk.said) < 2 and time.monotonic() < deadline:
            time.sleep(0.005)
    assert [each.rpartition(": ")[2] for each in desk.said] == ["locked", "damaged"]


def test_a_trade_on_paper_pays_the_fee_and_without_a_price_nothing_is_done():
    hedge, told = PaperHedge(DESK, learned("a")), SimpleNamespace(known=False)
    hedge.position = 1000.0
    hedge.step(told, None, np.nan, np.nan)
    assert (hedge.position, hedge.cash) == (1000.0, 0.0)
    hedge.step(told, Dealt(100.0, 5), 99.0, 101.0)
    assert hedge.position == 1000.0, "what the band needs is not known"
    hedge.step(told, None, 99.0, 101.0)
    assert (hedge.position, hedge.cash) == (0.0, pytest.approx(99_000.0 * (1.0 - DESK.costs.fee_bps * 1e-4)))


def test_hedges_with_a_perpetual_pay_its_funding_on_what_each_held():
    perpetual = SHORT.model_copy(update={"hedge": SHORT.hedge.model_copy(update={"instrument": "perpetual"})})
    found, at, rate, owed = {}, 7, 0.003, []
    for desk in (SHORT, perpetual):
        challenger = Challenger(learned("one 2", "whalley_wilmott"), Watch([Alarming()]))
        pair, lines = PaperPair(desk, learned("one 1"), challenger, Told(TOLD)), []
        for row, each in enumerate(decisions()):
            if row == at:
                owed = [hedge.position * each.mid * rate for hedge in pair._hedges]
                each = each._replace(funding=((each.at, rate),))
            lines.append(pair.step(each, None))
        found[desk.hedge.instrument] = [line for line in lines if line is not None]
    dealt = next(each.dealt for each in decisions() if each.dealt)
    scale = 100.0 / (DESK.hedge.size * dealt.mid)
    for who, paid in zip(("champion_pnl", "challenger_pnl"), owed, strict=True):
        first, *others = (
            one[who] - other[who]
            for one, other in zip(found["perpetual"], found[SHORT.hedge.instrument], strict=True)
        )
        assert paid != 0.0
        assert first == pytest.approx(-scale * paid)
        assert others == pytest.approx([0.0] * len(others), abs=1e-9)
