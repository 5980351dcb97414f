"""Verdicts in plain words: whether regimes, forecasts and bands each paid on the test years."""

from dataclasses import dataclass
from math import isnan
from typing import Literal

import pandas as pd

from pipeline.domain.desk import Desk, RiskSettings
from pipeline.evaluate.comparison import ABLATIONS, FLAGSHIP, PairedTest, rows_of
from pipeline.evaluate.metrics import BASELINE

Answer = Literal["yes", "no", "it hurt"]
Rows = dict[str, PairedTest]
UNUSED = (
    "Not used: training left every parameter of it where it is without: both hedge alike to the last trade."
)
FEW = "too few episodes do not overlap for an interval or a test."
LEAST = "Which hedge had the least risk?"


@dataclass(frozen=True)
class Verdict:
    """One question about the test years, its answer, and the sentence with the numbers behind it."""

    question: str
    answer: Answer
    sentence: str


def verdicts(
    desk: Desk,
    ablations: pd.DataFrame,
    against_delta: pd.DataFrame,
    comparison: pd.DataFrame,
    earlier_looks: int = 0,
) -> tuple[Verdict, ...]:
    """Judge the flagship and its parts by the desk's own risk, with the mean and the cost beside it.

    "yes" needs a lower risk with a corrected p-value below 1 − confidence; "it hurt" the opposite; all else
    is "no", with the reason.

    Parameters
    ----------
    desk : names the risk measure and the confidence.
    ablations, against_delta : tables of `comparison.paired_tests`.
    comparison : table of `comparison.metric_table`.
    earlier_looks : that the corrected p-values count.
    """
    risk, level = describe_risk(desk.risk), 1 - desk.evaluation.confidence
    found = []
    for part, ablation in ABLATIONS.items():
        rows = by_metric(ablations[ablations["baseline"] == ablation])
        if rows:
            counted = counted_words(ablations["baseline"].nunique(), earlier_looks)
            found.append(judge(f"Did {part} pay?", f"with {part} switched on", risk, rows, counted, level))
    if rows := by_metric(against_delta[against_delta["policy"] == FLAGSHIP]):
        counted = counted_words(against_delta["policy"].nunique(), earlier_looks)
        question = f"Does {FLAGSHIP} beat {BASELINE}?"
        found.append(judge(question, f"with {FLAGSHIP}", risk, rows, counted, level))
    counted = counted_words(against_delta["policy"].nunique(), earlier_looks)
    found.append(_best(risk, against_delta, comparison, counted, level))
    return tuple(found)


def describe_risk(risk: RiskSettings) -> str:
    """Return the desk's risk measure in words.

    Examples
    --------
    >>> describe_risk(RiskSettings())
    'entropic risk (aversion 1 per 1 % of spot)'
    """
    if risk.measure == "entropic":
        return f"entropic risk (aversion {risk.aversion:g} per 1 % of spot)"
    if risk.measure == "cvar":
        return f"CVaR{100 * risk.cvar_level:g}"
    return "mean + 1.5 SD of the cost"


_LEAD: dict[Answer, str] = {"yes": "Yes:", "no": "Not shown:", "it hurt": "No, it hurt:"}


def by_metric(tests: pd.DataFrame) -> Rows:
    """Return paired tests of one pair by metric."""
    return {test.metric: test for test in rows_of(tests)}


def judge(question: str, subject: str, risk: str, rows: Rows, counted: str, level: float) -> Verdict:
    """Return the verdict on one pair: "yes" where the risk is lower beyond doubt; see `verdicts`."""
    test = rows["risk_bps"]
    if all(each.low == each.difference == each.high == 0.0 for each in rows.values()):
        return Verdict(question, "no", UNUSED)
    if isnan(test.p):
        sentence = f"{_LEAD['no']} {subject}, {risk} {_change(test.difference)}; {FEW}"
        return Verdict(question, "no", sentence)
    certain = test.p_adjusted < level
    answer: Answer = "no" if not certain else "yes" if test.difference < 0 else "it hurt"
    interval = f"{100 * (1 - level):g} % interval {_signed(test.low)} … {_signed(test.high)}"
    if test.low <= 0 <= test.high:
        interval += " contains zero"
    elif not certain:
        interval += f" excludes zero, but not once the {counted} are counted"
    sentence = (
        f"{_LEAD[answer]} {subject}, {risk} {_change(test.difference)} ({interval}; p = {test.p:.2g}, "
        f"{test.p_adjusted:.2g} corrected for {counted}). "
        f"Mean P&L {_change(rows['pnl_mean_bps'].difference)}, "
        f"cost {_change(rows['cost_bps'].difference)}, "
        f"market beta {_change(rows['market_beta'].difference, 'bps per %')}."
    )
    return Verdict(question, answer, sentence)


def _best(
    risk: str, against_delta: pd.DataFrame, comparison: pd.DataFrame, counted: str, level: float
) -> Verdict:
    ranked = comparison["risk_bps"].sort_values(kind="stable")
    tests = against_delta[against_delta["metric"] == "risk_bps"]
    lower = tests[(tests["difference"] < 0) & (tests["p_adjusted"] < level)]
    beside = "" if ranked.index[0] == BASELINE else f"; {BASELINE} has {_plain(ranked[BASELINE])} bps"
    least = f"{ranked.index[0]} has the lowest {risk}, {_plain(ranked.iloc[0])} bps{beside}."
    sentence = f"{least} After correcting for {counted}, "
    if lower.empty:
        return Verdict(LEAST, "no", f"{sentence}no policy is shown to be below {BASELINE}.")
    verb = "is" if len(lower) == 1 else "are"
    return Verdict(LEAST, "yes", f"{sentence}{', '.join(lower['policy'])} {verb} below {BASELINE}.")


def counted_words(comparisons: int, earlier_looks: int) -> str:
    """Say what a corrected p-value counts.

    Examples
    --------
    >>> counted_words(12, 0), counted_words(3, 1)
    ('12 comparisons', '3 comparisons and 1 earlier look')
    """
    looks = f" and {earlier_looks} earlier look{'s' * (earlier_looks > 1)}" if earlier_looks else ""
    return f"{comparisons} comparison{'s' * (comparisons != 1)}{looks}"


def _change(difference: float, unit: str = "bps") -> str:
    if difference == 0:
        return "did not change"
    if abs(difference) < 0.005:
        return f"moved by less than 0.01 {unit}"
    return f"{'rose' if difference > 0 else 'fell'} by {abs(difference):.2f} {unit}"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _plain(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
