"""The tables of the report as text: headings, cells, intervals and what they mean."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from pipeline.evaluate.comparison import (
    ABLATIONS,
    BY_REGIME,
    EFFECTIVE_FOR_AN_INTERVAL,
    EPISODES_FOR_A_TAIL,
    SIMPLE,
    PairedTest,
    rows_of,
)
from pipeline.evaluate.judged import Judged
from pipeline.evaluate.verdicts import describe_risk

Tone = Literal["", "good", "bad", "quiet", "best"]
HIGHER_IS_BETTER = frozenset({"pnl_mean_bps", "gain_vs_delta"})
NEITHER_IS_BETTER = frozenset({"market_beta"})


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a second line, and a tone."""

    text: str
    under: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Sheet:
    """One table of the report; the first `labels` columns are names, the others numbers."""

    anchor: str
    title: str
    lead: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    labels: int = 1
    folded: bool = False


@dataclass(frozen=True)
class Column:
    """How a metric is printed."""

    metric: str
    heading: str
    decimals: int = 1
    factor: float = 1.0


COLUMNS = (
    Column("pnl_mean_bps", "Mean P&L, bps"),
    Column("market_beta", "Market beta, bps per %", 2),
    Column("pnl_sd_bps", "SD, bps"),
    Column("cvar95_bps", "CVaR95, bps"),
    Column("entropic", "Entropic, bps", factor=100.0),
    Column("mean_sd_bps", "Mean + 1.5 SD of loss, bps"),
    Column("cost_bps", "Trading cost, bps", 2),
    Column("turnover", "Turnover, units", 2),
    Column("trades", "Trades"),
    Column("gain_vs_delta", "Gain over delta, %", 0, factor=100.0),
)
OWN_RISK = Column("risk_bps", "Desk's risk, bps")
SAME_AS_OWN = {"entropic": "entropic", "mean_sd": "mean_sd_bps"}
TESTED_COLUMNS = (
    Column("risk_bps", "Desk's risk, bps", 2),
    Column("pnl_sd_bps", "SD, bps", 2),
    Column("cvar95_bps", "CVaR95, bps", 2),
    Column("cost_bps", "Trading cost, bps", 2),
    Column("pnl_mean_bps", "Mean P&L, bps", 2),
    Column("market_beta", "Market beta, bps per %", 2),
)


def number(value: float, decimals: int = 1, sign: bool = False) -> str:
    """Print a number with a true minus sign; a missing one as a dash.

    Examples
    --------
    >>> number(-1234.56), number(float("nan")), number(0.5, 2, sign=True)
    ('−1,234.6', '–', '+0.50')
    """
    if not np.isfinite(value):
        return "–"
    rounded = round(float(value), decimals) + 0.0
    return f"{rounded:{'+' if sign else ''},.{decimals}f}".replace("-", "−")


def interval(low: float, high: float, decimals: int = 1) -> str:
    """Print an interval; nothing where it is missing.

    Examples
    --------
    >>> interval(-1.0, 2.0)
    '−1.0 … 2.0'
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        return ""
    return f"{number(low, decimals)} … {number(high, decimals)}"


def comparison_sheet(evaluation: Judged) -> Sheet:
    """Levels of every policy with intervals, coloured where the corrected test against delta speaks."""
    level = 1 - evaluation.desk.evaluation.confidence
    tones = {
        (test.policy, test.metric): _tone(test.metric, test.difference)
        for test in rows_of(evaluation.against_delta)
        if test.p_adjusted < level
    }
    same = SAME_AS_OWN.get(evaluation.desk.risk.measure)
    shown = (OWN_RISK, *(column for column in COLUMNS if column.metric != same))
    rows = []
    for policy, row in evaluation.comparison.iterrows():
        cells = [_level(row, column, tones.get((str(policy), column.metric), "")) for column in shown]
        rows.append((Cell(str(policy)), *cells))
    lead = (
        f"Averages over all out-of-sample episodes, in bps of the starting spot. The desk minimises "
        f"{describe_risk(evaluation.desk.risk)}; a negative risk is a book worth holding. Small print: "
        f"{100 * (1 - level):g} % bootstrap interval. Green and red: better or worse than delta_implied "
        "after correcting for the number of policies (tested: risk, SD, CVaR95, cost, mean). Market "
        "beta is how the P&L moves with the hedge instrument over the episode: risk that is lower because "
        "less is carried shows in it and in the mean."
    )
    return Sheet("policies", "All policies", lead, ("Policy", *(c.heading for c in shown)), tuple(rows))


def delayed_sheet(evaluation: Judged, unit: str, why: str) -> Sheet | None:
    """The same metrics with fills one step later, and how much that changes them; `why` opens the lead."""
    if evaluation.delayed is None:
        return None
    shown = (OWN_RISK, *(c for c in COLUMNS if c.metric not in ("entropic", "mean_sd_bps", "turnover")))
    changes = evaluation.delayed - evaluation.comparison.loc[evaluation.delayed.index]
    rows = []
    for (policy, row), (_, change) in zip(evaluation.delayed.iterrows(), changes.iterrows(), strict=True):
        cells = [Cell(str(policy))]
        for column in shown:
            value, moved = (column.factor * float(one[column.metric]) for one in (row, change))
            cells.append(Cell(number(value, column.decimals), number(moved, column.decimals, sign=True)))
        rows.append(tuple(cells))
    lead = f"{why} Small print: change against the table of all policies."
    headings = ("Policy", *(column.heading for column in shown))
    return Sheet("delayed", f"With fills one {unit} later", lead, headings, tuple(rows), folded=True)


def ablation_sheet(evaluation: Judged) -> Sheet:
    """What each part of a policy is worth: paired differences."""
    named = {ablation: f"{part} on − off" for part, ablation in ABLATIONS.items()}
    lead = (
        "A policy minus the same policy without one part, re-tuned with the same budget on the same "
        "training rows. Each difference is paired (same episodes, same resamples); p is corrected for all "
        "parts looked at. For risk and cost a negative difference is better."
    )
    tests = evaluation.ablations.assign(label=evaluation.ablations["baseline"].map(named))
    return _test_sheet("ablations", "What each part is worth", "Part", tests, evaluation, lead)


def trained_sheet(evaluation: Judged) -> Sheet | None:
    """What training is worth: trained networks against what they were before, and against a simple rival."""
    if evaluation.trained is None or evaluation.trained.empty:
        return None
    rivals = [
        f"{rival}, {what}" for rival, what in SIMPLE.items() if rival in set(evaluation.trained["baseline"])
    ]
    lead = (
        "A trained network minus the same network untrained, and minus its simplest rival: "
        f"{'; '.join(rivals) or 'not run'}; "
        "one that corrects a band also minus that which answers a position from nothing, without prior and "
        "band: a fair pair where both took the same steps (Trained networks by window). "
        "Paired; p is corrected for all pairs. For risk and cost a negative difference is better."
    )
    trained = evaluation.trained
    tests = trained.assign(label=trained["policy"] + " − " + trained["baseline"])
    return _test_sheet("trained", "What training is worth", "Pair", tests, evaluation, lead)


def delta_sheet(evaluation: Judged) -> Sheet:
    """Every policy against delta: paired differences."""
    looks = evaluation.against_delta["policy"].nunique()
    lead = (
        f"Policy minus delta_implied, paired. p is corrected for {looks} policies by the stepwise method of "
        "Romano and Wolf. For risk and cost a negative difference is better."
    )
    tests = evaluation.against_delta.assign(label=evaluation.against_delta["policy"])
    return _test_sheet("delta", "Each policy against delta", "Policy", tests, evaluation, lead, folded=True)


def regime_sheet(evaluation: Judged) -> Sheet:
    """Metrics by the most probable regime at the start."""
    shown = (OWN_RISK, *(column for column in COLUMNS if column.metric in BY_REGIME))
    rows = []
    previous = ""
    for _, row in evaluation.by_regime.iterrows():
        name = f"{row['name']}"
        group = Cell(name, f"{row['episodes']} episodes, {row['effective']} effective")
        head = group if name != previous else Cell("")
        previous = name
        rows.append((head, Cell(str(row["policy"])), *(_level(row, column) for column in shown)))
    lead = (
        "Episodes by the most probable filtered regime on their first day. No CVaR95 below "
        f"{EPISODES_FOR_A_TAIL} episodes; no interval where fewer than {EFFECTIVE_FOR_AN_INTERVAL} episodes "
        "do not overlap, or where a resample holds none of the regime."
    )
    headings = ("Regime", "Policy", *(column.heading for column in shown))
    return Sheet("by-regime", "By regime", lead, headings, tuple(rows), labels=2, folded=True)


def attribution_sheet(evaluation: Judged) -> Sheet:
    """What the average P&L is made of, and so what was charged."""
    headings = ("Policy", "Premium", "+ Trading", "+ Carry", "− Cost", "− Payoff", "= P&L, bps")
    rows = [
        (Cell(str(policy)), *(Cell(number(float(value), 2)) for value in row))
        for policy, row in evaluation.attribution.iterrows()
    ]
    costs = evaluation.desk.costs
    unwind = (
        "the trade that closes the hedge is charged" if costs.unwind else "the closing trade is not charged"
    )
    lead = (
        f"Averages per episode, bps of the starting spot. Charged one way: {costs.fee_bps:g} bps fee and "
        f"{costs.half_spread_bps:g} bps half-spread scaled by the illiquidity realised at the fill; {unwind}."
    )
    return Sheet("charged", "What the P&L is made of, and what was charged", lead, headings, tuple(rows))


def _level(row: pd.Series, column: Column, tone: Tone = "") -> Cell:
    value, low, high = (column.factor * float(row[f"{column.metric}{end}"]) for end in ("", "_low", "_high"))
    return Cell(number(value, column.decimals), interval(low, high, column.decimals), tone)


def _test_sheet(
    anchor: str,
    title: str,
    first: str,
    tests: pd.DataFrame,
    evaluation: Judged,
    lead: str,
    folded: bool = False,
) -> Sheet:
    level = 1 - evaluation.desk.evaluation.confidence
    rows = []
    for label, group in tests.groupby("label", sort=False):
        by_metric = {test.metric: test for test in rows_of(group)}
        cells = [_difference(by_metric[column.metric], column, level) for column in TESTED_COLUMNS]
        rows.append((Cell(str(label)), *cells))
    headings = (first, *(column.heading for column in TESTED_COLUMNS))
    return Sheet(anchor, title, lead, headings, tuple(rows), folded=folded)


def _difference(test: PairedTest, column: Column, level: float) -> Cell:
    tone = _tone(test.metric, test.difference) if test.p_adjusted < level else ""
    under = f"{interval(test.low, test.high, column.decimals)}, p {probability(test.p_adjusted)}"
    return Cell(number(test.difference, column.decimals, sign=True), under, tone)


def _tone(metric: str, difference: float) -> Tone:
    if metric in NEITHER_IS_BETTER:
        return ""
    return "good" if (difference > 0) == (metric in HIGHER_IS_BETTER) else "bad"


def probability(value: float) -> str:
    """Print a p-value.

    Examples
    --------
    >>> probability(0.0004), probability(0.031), probability(float("nan"))
    ('< 0.001', '0.031', '–')
    """
    if not np.isfinite(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def present(sheets: Iterable[Sheet | None]) -> tuple[Sheet, ...]:
    """Keep the sheets that have rows."""
    return tuple(sheet for sheet in sheets if sheet is not None and sheet.rows)


def plain_rows(table: pd.DataFrame, formats: Sequence[tuple[str, int]]) -> tuple[tuple[Cell, ...], ...]:
    """Return the rows of a table; columns are (name, decimals), -1 for text."""
    return tuple(
        tuple(
            Cell(str(row[name]) if places < 0 else number(float(row[name]), places))
            for name, places in formats
        )
        for _, row in table.iterrows()
    )
