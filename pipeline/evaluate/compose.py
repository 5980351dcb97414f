"""What the reports of all kinds of desk have in common: sections, and lines about settings."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from pipeline.domain.desk import RegimeSettings, RiskSettings
from pipeline.evaluate.figures import cost_risk_frontier, gain_over_delta, pnl_distributions
from pipeline.evaluate.forecast_figures import forecast_importance
from pipeline.evaluate.frontier import aversion_frontier
from pipeline.evaluate.judged import Judged
from pipeline.evaluate.page import Item, Pair, Picture, Report, Section, Terms, section
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.sheets import Cell, Sheet, ablation_sheet, comparison_sheet, number, trained_sheet
from pipeline.evaluate.verdicts import describe_risk

ZERO_WIDTH_SPACE = "\u200b"  # lets a long name break after an underscore

Lines: TypeAlias = tuple[tuple[str, str], ...]
SIGNALS: Final = "Regimes and forecasts"


def composed(
    evaluation: Judged,
    record: RunRecord,
    summary: Mapping[str, Any],
    *,
    period: str,
    tested: str,
    counted: Lines,
    pictures: Sequence[Item] = (),
    policies: Sequence[Item | None],
    between: Sequence[Section | None] = (),
    signals: Sequence[Item | None],
    settings: Lines,
    data: Sequence[Sheet | None],
) -> Report:
    """Return the report of a judgement; what every kind has stands first.

    Parameters
    ----------
    period : first and last start, in words.
    tested : what the tested rows are called, "test years" for one.
    counted : the facts about size that open the page.
    pictures : further ones beside those of the comparison.
    policies, signals, data : what stands in these sections, the last one beside `settings` and the run.
    between : whole sections between policies and signals.
    """
    best = str(evaluation.comparison["risk_bps"].idxmin())
    facts = (
        *counted,
        ("Effective, without overlap", f"{evaluation.effective:,}"),
        ("Policies compared", f"{len(evaluation.panel.policies)}"),
        (f"Earlier looks at these {tested.split()[-1]}", f"{evaluation.earlier_looks}"),
        ("Least risk", best.replace("_", f"_{ZERO_WIDTH_SPACE}")),
    )
    own = (comparison_sheet(evaluation), ablation_sheet(evaluation), trained_sheet(evaluation))
    sections = (
        section("overview", "Policies", own),
        _pictures(evaluation, pictures),
        section("more", "More on the policies", policies),
        *between,
        section("signals", SIGNALS, signals),
        run_section(settings, record, data),
    )
    return Report(
        name=evaluation.desk.name,
        description=evaluation.desk.description,
        period=period,
        tested=tested,
        facts=facts,
        said=evaluation.said,
        verdicts=evaluation.verdicts,
        sections=tuple(each for each in sections if each is not None),
        record=record,
        summary=summary,
        closing=(
            f"Episodes overlap: the {evaluation.panel.size:,} starts hold {evaluation.effective:,} lives "
            "that do not, and the intervals are wide for that reason."
        ),
    )


def _pictures(evaluation: Judged, further: Sequence[Item]) -> Section | None:
    """Return the pictures of the comparison, and further ones."""
    comparison = evaluation.comparison
    gain = gain_over_delta(comparison, evaluation.desk.evaluation.confidence)
    drawn: list[Item] = [
        Picture(
            "gain_over_delta",
            gain,
            "Variance of the P&L removed relative to delta_implied, with its bootstrap interval.",
        ),
        Pair(
            (
                Picture(
                    "cost_risk_frontier",
                    cost_risk_frontier(comparison, "pnl_sd_bps"),
                    "Each hedge by its cost and the risk it leaves: lower and further left is better.",
                ),
                Picture(
                    "cost_tail_frontier",
                    cost_risk_frontier(comparison, "cvar95_bps"),
                    "The same with the mean loss in the worst 5 % of the episodes.",
                ),
            )
        ),
    ]
    frontier = evaluation.tables.get("frontier")
    if frontier is not None and not frontier.empty:
        caption = "Each hedge at a tenth to ten times the desk's risk aversion; larger: more averse."
        drawn.append(Picture("aversion_frontier", aversion_frontier(frontier), caption))
    caption = "The P&L of all out-of-sample episodes."
    drawn.append(Picture("pnl_distributions", pnl_distributions(evaluation.panel), caption))
    return section("pictures", "Pictures", (*drawn, *further))


def importance_picture(evaluation: Judged, unit: str = "session") -> Picture:
    """Return the picture of what moves the forecasts; `unit` is that of their horizons."""
    named = evaluation.desk.forecasts.further
    figure = forecast_importance(evaluation.tables["importance"], unit, named)
    caption = "What moves the forecasts of LightGBM: its linear start, and what the trees add."
    return Picture("forecast_importance", figure, caption)


def run_section(settings: Lines, record: RunRecord, sheets: Sequence[Sheet | None]) -> Section | None:
    """Return the section on settings, data and run."""
    datasets = tuple((f"Dataset {name}", key) for name, key in record.dataset_keys.items())
    codes = (("Run", record.run), ("Code version", record.code_version), *datasets)
    return section("run", "Settings, data and run", (Terms(settings, codes), *sheets, timing_sheet(record)))


def minimised(risk: RiskSettings) -> tuple[str, str]:
    """Say what the desk minimises."""
    return "Desk minimises", describe_risk(risk)


def regimes_told(regimes: RegimeSettings) -> tuple[str, str]:
    """Say which regimes the desk knows."""
    return "Regimes", f"{regimes.states} states by {regimes.detector} on {', '.join(regimes.features)}"


def intervals_told(over: str, block: str, resamples: int, confidence: float) -> tuple[str, str]:
    """Say what the intervals are.

    Examples
    --------
    >>> print(intervals_told("starts", "9 decisions", 1000, 0.95)[1])
    stationary bootstrap over starts, mean block 9 decisions, 1,000 resamples, the same for every policy; \
confidence 95%
    """
    return (
        "Intervals",
        f"stationary bootstrap over {over}, mean block {block}, {resamples:,} resamples, the same for every "
        f"policy; confidence {confidence:.0%}",
    )


def timing_sheet(record: RunRecord) -> Sheet:
    """Seconds of each stage."""
    rows = [(Cell(stage), Cell(number(seconds, 2))) for stage, seconds in record.timings_s.items()]
    if record.peak_memory_mb is not None:
        rows.append((Cell("peak memory, MB"), Cell(number(record.peak_memory_mb, 0))))
    lead = "Wall-clock seconds of each stage up to this page."
    return Sheet("timings", "Timings", lead, ("Stage", "Seconds"), tuple(rows), folded=True)
