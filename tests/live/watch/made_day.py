"""Decisions of one made day: an option that is dealt, lives and ends, hedged by a position that follows."""

from itertools import islice

from pipeline.backtest.lane import next_dealt
from pipeline.backtest.option_state import OptionStates
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.live.hedger import Decided
from pipeline.live.option_account import OptionAccount
from pipeline.pricing import book
from pipeline.risk.overlay import Judgement
from pipeline.risk.situation import Situation
from tests.live.made_decisions import REACH, decision_signals, made_signals

SIZE, COUNT = 0.5, 25
SIGNALS, _ = made_signals()
AT = SIGNALS["time"].iloc[0].value // 1_000_000
DESK = IntradayDesk.model_validate(
    {
        "name": "made",
        "option": {"steps": REACH, "start_every": 5},
        "hedge": {"size": SIZE, "lot": 0.01},
        "data": {"instrument": "BTC", "files": ["none"]},
        "grid": {"every_seconds": 30},
        "windows": {
            "learn_start": "2020-03-02",
            "signals_start": "2020-03-03",
            "test_start": "2020-03-04",
            "test_end": "2020-03-05",
        },
        "policies": {"run": ["delta_implied"]},
    }
)


def decisions(unknown=(7, 8)):
    """Return decisions on two options and a half of them, a few where nothing is known."""
    options, states, dealt, found = OptionAccount(DESK), OptionStates(DESK, 2e-4), None, []
    cash = position = 0.0
    for row, told in enumerate(islice(decision_signals(SIGNALS), COUNT)):
        mid, known = told.mid, row not in unknown
        dealt = next_dealt(dealt, REACH, mid, known, COUNT - 1 - row)
        state = states(told, dealt) if dealt is not None and known else None
        worth = options.mark(mid, dealt, value_of(state), cash + position * mid, 0.0)
        seen = Situation("BTC", position, 0.0, mid - 0.01, mid + 0.01, 0.1, mid, (), 0.2, 0, 0.0,
                         worth.loss, worth.drawdown, 0.0, 1.5)  # fmt: skip
        judged = Judgement(0.01)
        what = (told.at, dealt, 0.0, 0.4, position, 0.0, 0.01, None, judged, mid, seen, state, worth)
        found.append(Decided(*what, value_of(state), told, took=1e-6 * (row + 1)))
        cash, position = cash - 0.01 * mid, position + 0.01
    return found


def value_of(state):
    if state is None:
        return None
    terms = state.forward, state.strike, state.time_to_expiry, state.implied_vol
    return float(book.value(state.liability, *terms))
