"""A challenger on paper: the same models give the same P&L, and what fails never reaches the loop."""

import json
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.lane import Dealt, next_dealt
from pipeline.domain.desk_file import load_any
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.live.learned import Learned
from pipeline.live.paper_hedge import PaperHedge
from pipeline.monitor.alarm import Alarm, Severity
from pipeline.monitor.shadow import Shadow
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
    return Learned(None, POLICIES[policy](), 1e-4, model, crossing)


def decisions():
    """The decisions of the day, an option after the other, at a spread of two bps."""
    dealt = None
    for row, told in enumerate(TOLD):
        dealt = next_dealt(dealt, REACH, told.mid, told.known, STEPS - 1 - row)
        quote = SimpleNamespace(bid=told.mid * (1 - 1e-4), ask=told.mid * (1 + 1e-4), age=0.1)
        yield Decided(told.at, told, told.mid, dealt, -1.0, quote, SimpleNamespace(options=0.0))


def shadowed(place, policy="delta_implied", told=TOLD, crossing=None):
    said = []
    both = learned("one 1"), learned("one 2", policy, crossing)
    file = place / "desk" / "shadow.jsonl"
    shadow = Shadow(SHORT, *both, Watch([Alarming()]), pd.DataFrame(), file, said.append)
    shadow._ready.put((Told(told), 0))
    for each in decisions():
        shadow.after(each, None)
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    return lines, said


def test_the_same_models_make_the_same_of_every_option(tmp_path):
    lines, said = shadowed(tmp_path)
    assert said == []
    assert len(lines) == STEPS // REACH - 2  # the first was open before, the last has not ended
    assert all(each["champion_pnl"] == each["challenger_pnl"] != 0.0 for each in lines)
    assert [each["alarms"] for each in lines] == [1, *[0] * (len(lines) - 1)]
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


def test_a_trade_on_paper_pays_the_fee_and_without_a_price_nothing_is_done():
    hedge, told = PaperHedge(DESK, learned("a")), SimpleNamespace(known=False)
    hedge.position = 1000.0
    hedge.step(told, None, np.nan, np.nan)
    assert (hedge.position, hedge.cash) == (1000.0, 0.0)
    hedge.step(told, Dealt(100.0, 5), 99.0, 101.0)
    assert hedge.position == 1000.0, "what the band needs is not known"
    hedge.step(told, None, 99.0, 101.0)
    assert (hedge.position, hedge.cash) == (0.0, pytest.approx(99_000.0 * (1.0 - DESK.costs.fee_bps * 1e-4)))
