"""What a network has to learn for a desk: its option, costs and risk, in a market of Black and Scholes."""

import numpy as np

from pipeline.backtest.episodes import SESSIONS_A_YEAR, START_SPOT, YEAR
from pipeline.deep.frictions import Frictions
from pipeline.deep.options_task import OptionsTask, SimulatedTask
from pipeline.deep.risk import Cvar, Entropic, MeanSd, Risk
from pipeline.deep.task import Answer, HedgingTask, Range
from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.desk import Desk, OptionSettings, RiskSettings
from pipeline.domain.desk_file import SimulatedDesk
from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import Liability, Right
from pipeline.domain.risk_measures import SD_MULTIPLE
from pipeline.execution.impact import memory, square_root_impact
from pipeline.simulate.black_scholes import BlackScholes

LIVES, DELTAS = (1, 2, 4), (0.25, 0.5, 0.75)
"""What a network for one contract learns from: lives over those of the training options, and deltas."""
AVERSIONS, COSTS = 10.0, 2.0
"""Factors down and up: the report's frontier of risk aversions, and how wrong a cost may be."""


def task_of(desk: Desk, volatility: Range, answer: Answer = "band") -> HedgingTask:
    """Return the task of a daily desk for all volatilities of a range.

    One network is trained for a tenth to ten times the desk's risk aversion and half to twice its cost, under
    its impact and delay. Fixed fees and lots have no derivative to learn from: they are left out.

    Raises
    ------
    SettingsError
        The desk trades without proportional cost: then nothing is to be learned; or as `HedgingTask`.

    Examples
    --------
    >>> task_of(Desk(name="x", policies={"run": ["network_band"]}), (0.1, 0.4)).steps
    21
    """
    cost, aversion = desk.costs.one_way, desk.risk.aversion
    if not cost > 0.0:
        raise SettingsError("costs.fee_bps and half_spread_bps are 0: a band needs a cost, give one")
    return HedgingTask(
        process=BlackScholes(spot=START_SPOT),
        volatility=volatility,
        liability=Liability.of(desk.option.kind, desk.option.side),
        strike=START_SPOT * desk.option.moneyness,
        steps=desk.option.sessions,
        interval=1.0 / SESSIONS_A_YEAR,
        cost=(cost / COSTS, cost * COSTS),
        aversion=(aversion / AVERSIONS, aversion * AVERSIONS),
        risk=risk_of(desk.risk),
        unwind=desk.costs.unwind,
        answer=answer,
        frictions=frictions_of(desk),
    )


def learned_task(desk: SimulatedDesk, volatility: Range, answer: Answer = "band") -> SimulatedTask:
    """Return what a hedger learns for a desk: its option, or of a desk on quoted options many like them.

    On option chains these are all that the desk deals, calls and puts, held as long as it holds them and
    closed at Black's price. For one contract they are calls and puts of the life of the training options, of
    twice and of four times that, all held for the first of these: a contract lives long, and what it is
    stands in its quotes only. `answer` is that of the one option of a daily desk; these have bands.

    Raises
    ------
    SettingsError
        As `task_of`.

    Examples
    --------
    >>> from pipeline.domain.desk_file import load_any
    >>> task = learned_task(load_any("spx-chain"), (0.1, 0.4))
    >>> task.like.steps, task.lives, len(task.options)
    (5, (5, 10, 21, 41, 62, 124), 108)
    """
    if isinstance(desk, Desk):
        return task_of(desk, volatility, answer)
    held = desk.option.hold_days if isinstance(desk, ChainDesk) else desk.training.sessions
    option = OptionSettings(side=desk.option.side, sessions=held)
    daily = Desk.model_construct(name=desk.name, option=option, costs=desk.costs, risk=desk.risk)
    like = task_of(daily, volatility)
    if isinstance(desk, ChainDesk):
        sessions = (round(days * SESSIONS_A_YEAR / YEAR) for days in desk.option.tenor_days)
        lives, deltas = tuple(max(each, like.steps) for each in sessions), desk.option.deltas
    else:
        lives, deltas = tuple(times * like.steps for times in LIVES), DELTAS
    rights: tuple[Right, ...] = ("call", "put")
    both = tuple(Liability.of(right, desk.option.side) for right in rights)
    return OptionsTask(like=like, liabilities=both, lives=tuple(dict.fromkeys(lives)), deltas=deltas)


def frictions_of(desk: Desk) -> Frictions:
    """Return how a daily desk's orders reach the market: their impact at the volatility told, and how late.

    Spread and depth are the constant ones of its costs: nothing is known of them by regime.

    Examples
    --------
    >>> desk = Desk(name="x", policies={"run": ["ppo_band"]}, execution={"impact": 1, "notional_share": 0.01})
    >>> round(frictions_of(desk).at(0.16).impact, 6)  # 1 σ √Δt √.01
    0.001008
    """
    execution, delay = desk.execution, desk.hedge.delay_sessions
    if not execution.impact:
        return Frictions(delay=delay)
    day = np.array(1.0 / np.sqrt(SESSIONS_A_YEAR))
    impact = float(square_root_impact(execution, day, 1.0))
    return Frictions(impact=impact, memory=memory(execution), delay=delay, volatility=1.0)


def risk_of(settings: RiskSettings) -> Risk:
    """Return the desk's measure as training has it.

    Examples
    --------
    >>> risk_of(RiskSettings(measure="cvar", cvar_level=0.9))
    Cvar(level=0.9)
    """
    measures: dict[str, Risk] = {
        "entropic": Entropic(settings.aversion),
        "cvar": Cvar(settings.cvar_level),
        "mean_sd": MeanSd(SD_MULTIPLE),
    }
    return measures[settings.measure]
