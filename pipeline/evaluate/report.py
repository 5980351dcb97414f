"""The report of a run: one HTML page that needs nothing else, its pictures, and the summary."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from pipeline.domain.desk import Desk
from pipeline.evaluate.book import Replay
from pipeline.evaluate.book_figures import all_book_figures, stress_anchor
from pipeline.evaluate.book_sheets import VIEWS, book_sheet, explain_sheet, replay_sheet, untested
from pipeline.evaluate.cost_sheet import cost_sheet
from pipeline.evaluate.data_quality import data_named, data_sheet, note_sheet, quarantine_sheet
from pipeline.evaluate.detector_sheet import detector_sheet, detector_value_sheet
from pipeline.evaluate.drawing import inline_svg, save_pictures, settle
from pipeline.evaluate.evaluate import Evaluation
from pipeline.evaluate.figures import all_figures, long_date
from pipeline.evaluate.forecast_figures import forecast_importance
from pipeline.evaluate.frontier import aversion_frontier, frontier_sheet
from pipeline.evaluate.position_sheets import held_back_sheet, positions_sheet
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.sheets import (
    Cell,
    Sheet,
    ablation_sheet,
    attribution_sheet,
    comparison_sheet,
    delayed_sheet,
    delta_sheet,
    number,
    present,
    regime_sheet,
)
from pipeline.evaluate.signal_sheets import (
    event_sheet,
    forecast_sheet,
    importance_sheet,
    interval_sheet,
    regime_description_sheet,
    reliability_sheet,
    transition_sheet,
    tuned_sheet,
    window_sheet,
)
from pipeline.evaluate.summary import build_summary
from pipeline.evaluate.verdicts import describe_risk

CAPTIONS = {
    "gain_over_delta": "Variance of the P&L removed relative to delta_implied, with its bootstrap interval.",
    "cost_risk_frontier": "Each hedge by its cost and the risk it leaves: lower and further left is better.",
    "cost_tail_frontier": "The same with the mean loss in the worst 5 % of the episodes.",
    "aversion_frontier": "Each hedge at a tenth to ten times the desk's risk aversion; larger: more averse.",
    "pnl_distributions": "The P&L of all out-of-sample episodes.",
    "stressed_episode": "How three hedgers came through the most stressed month of the test years.",
    "regimes_over_price": "The regimes the desk believed in, on each day, with what was known on that day.",
    "forecast_importance": "What moves the forecasts of LightGBM: its linear start, and what the trees add.",
    "forecast_against_realised": "Volatility forecast for the option's life against what came.",
    "book_pnl": "The net position day by day, from the first option to the last expiry.",
    "book_greeks": "Options and hedge together; gamma, vega and theta are the options' own.",
}
REPLAY_CAPTION = (
    "Each day with what was known on it. Bars: what explains the P&L of the day that closed, point: the P&L."
)
ZERO_WIDTH_SPACE = "\u200b"  # lets a long name break after an underscore
PAGE = "report.html"
SUMMARY = "summary.json"


def write_report(evaluation: Evaluation, record: RunRecord, folder: Path) -> dict[str, Path]:
    """Write `report.html`, `summary.json` and one PNG a figure; all or nothing.

    Everything is built in a temporary folder beside `folder`, which is then renamed: a run that is killed
    leaves the old report or the new one. An older report in `folder` is replaced.

    Returns
    -------
    The path of each file, by name: `report`, `summary` and the figures.
    """
    figures = all_figures(evaluation.panel, evaluation.comparison, evaluation.tables, evaluation.desk)
    figures["forecast_importance"] = forecast_importance(evaluation.tables["importance"])
    if not evaluation.tables["frontier"].empty:
        figures["aversion_frontier"] = aversion_frontier(evaluation.tables["frontier"])
    figures |= all_book_figures(evaluation.tables, evaluation.desk, evaluation.replays)
    settle(figures)
    page = render_page(evaluation, record, figures)
    return place_report(folder, page, build_summary(evaluation, record), figures)


def place_report(
    folder: Path, page: str, summary: Mapping[str, Any], figures: Mapping[str, Figure]
) -> dict[str, Path]:
    """Write page, summary and pictures into a folder, all or nothing; return the path of each by name."""
    building = folder.parent / f".{folder.name}.{os.getpid()}.building"
    building.mkdir(parents=True)
    try:
        (building / PAGE).write_text(page, encoding="utf-8")
        text = json.dumps(summary, indent=2, allow_nan=False, ensure_ascii=False)
        (building / SUMMARY).write_text(text + "\n", encoding="utf-8")
        save_pictures(figures, building)
        _put_in_place(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    files = {"report": folder / PAGE, "summary": folder / SUMMARY}
    return files | {name: folder / f"{name}.png" for name in figures}


def render_page(evaluation: Evaluation, record: RunRecord, figures: Mapping[str, Figure]) -> str:
    """Return the report as one HTML page without a reference to anything outside it."""
    starts = evaluation.panel.starts
    return rendered(
        desk=evaluation.desk,
        record=record,
        facts=_facts(evaluation),
        tested="test years",
        said=(),
        settings=_settings(evaluation.desk),
        verdicts=evaluation.verdicts,
        period=f"{long_date(starts[0])} to {long_date(starts[-1])}",
        first_sheets=present((comparison_sheet(evaluation), ablation_sheet(evaluation))),
        policy_sheets=present(
            (
                delta_sheet(evaluation),
                delayed_sheet(evaluation),
                regime_sheet(evaluation),
                attribution_sheet(evaluation),
                frontier_sheet(evaluation),
                cost_sheet(evaluation),
            )
        ),
        signal_sheets=present(
            (
                regime_description_sheet(evaluation),
                transition_sheet(evaluation),
                detector_sheet(evaluation),
                detector_value_sheet(evaluation),
                forecast_sheet(evaluation),
                importance_sheet(evaluation),
                interval_sheet(evaluation),
                event_sheet(evaluation),
                reliability_sheet(evaluation),
            )
        ),
        data_sheets=present((data_sheet(evaluation), note_sheet(evaluation), quarantine_sheet(evaluation))),
        run_sheets=present((window_sheet(evaluation), tuned_sheet(evaluation), timing_sheet(record))),
        drawings={name: inline_svg(figure, name) for name, figure in figures.items()},
        captions=CAPTIONS | {name: REPLAY_CAPTION for name in figures if name.startswith("stress-")},
        book_sheets=present(
            (
                book_sheet(evaluation),
                positions_sheet(evaluation),
                held_back_sheet(evaluation),
                *(explain_sheet(evaluation, view) for view in VIEWS),
            )
        ),
        stress=[_stress_page(evaluation, replay) for replay in evaluation.replays],
    )


def rendered(**parts: Any) -> str:
    """Return the page of a report from what its template names."""
    environment = Environment(
        loader=PackageLoader("pipeline.evaluate", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(**parts)


@dataclass(frozen=True)
class StressPage:
    """A window of stress on the page: why there is nothing to show, or its figures and tables in turn."""

    title: str
    anchor: str
    missing: str
    parts: tuple[tuple[str, tuple[Sheet, ...]], ...]


def _stress_page(evaluation: Evaluation, replay: Replay) -> StressPage:
    anchor = stress_anchor(replay.window.name)
    parts = tuple(
        (stress_anchor(replay.window.name, of), present((replay_sheet(replay, anchor, of),)))
        for of in ("book", "episode")
    )
    missing = "" if replay.tested else untested(replay, evaluation.tables["book"])
    return StressPage(replay.window.name, anchor, missing, parts if replay.tested else ())


def _facts(evaluation: Evaluation) -> list[tuple[str, str]]:
    best = evaluation.comparison["risk_bps"].idxmin()
    return [
        ("Episodes", f"{evaluation.panel.size:,}"),
        ("Effective, without overlap", f"{evaluation.effective:,}"),
        ("Policies compared", f"{len(evaluation.panel.policies)}"),
        ("Earlier looks at these years", f"{evaluation.earlier_looks}"),
        ("Least risk", str(best).replace("_", f"_{ZERO_WIDTH_SPACE}")),
    ]


def _settings(desk: Desk) -> list[tuple[str, str]]:
    option, costs, windows = desk.option, desk.costs, desk.windows
    every = "one a session" if option.start_every == 1 else f"one every {option.start_every} sessions"
    delay = "at the close that it is decided on"
    if desk.hedge.delay_sessions:
        delay = f"{desk.hedge.delay_sessions} session(s) after the decision"
    return [
        (
            "Option",
            f"{option.side} {option.kind}, {option.sessions} sessions, strike {option.moneyness:.0%} of "
            f"spot, {every}",
        ),
        ("Hedge", f"{desk.hedge.instrument}, traded {delay}"),
        (
            "Cost, one way",
            f"{costs.fee_bps:g} bps fee + {costs.half_spread_bps:g} bps half-spread × realised illiquidity"
            f"{_further_costs(desk)}; final unwind {'charged' if costs.unwind else 'not charged'}",
        ),
        ("Desk minimises", describe_risk(desk.risk)),
        (
            "Market constants",
            f"rate {desk.market.rate:.2%}, dividend yield {desk.market.dividend_yield:.2%}, at-the-money "
            f"over index volatility {desk.market.atm_ratio:g}",
        ),
        (
            "Data",
            f"{data_named(desk)}, learned from {windows.learn_start}, signals from {windows.signals_start}",
        ),
        (
            "Regimes",
            f"{desk.regimes.states} states by {desk.regimes.detector} on {', '.join(desk.regimes.features)}",
        ),
        (
            "Intervals",
            f"stationary bootstrap over start days, mean block {desk.evaluation.block_sessions} sessions, "
            f"{desk.evaluation.resamples:,} resamples, the same for every policy; confidence "
            f"{desk.evaluation.confidence:.0%}",
        ),
    ]


def _further_costs(desk: Desk) -> str:
    """Say what else a trade costs or is bound by, of what is off by default."""
    costs, execution = desk.costs, desk.execution
    said = {
        f"{costs.fixed_fee_bps:g} bps fixed fee a trade": costs.fixed_fee_bps,
        f"square-root impact (Y = {execution.impact:g})": execution.impact,
        f"lots of {execution.lot:g}": execution.lot,
    }
    return "".join(f" + {words}" for words, size in said.items() if size)


def timing_sheet(record: RunRecord) -> Sheet:
    """Seconds of each stage."""
    rows = [(Cell(stage), Cell(number(seconds, 2))) for stage, seconds in record.timings_s.items()]
    if record.peak_memory_mb is not None:
        rows.append((Cell("peak memory, MB"), Cell(number(record.peak_memory_mb, 0))))
    lead = "Wall-clock seconds of each stage up to this page."
    return Sheet("timings", "Timings", lead, ("Stage", "Seconds"), tuple(rows), folded=True)


def _put_in_place(building: Path, folder: Path) -> None:
    if not folder.exists():
        building.rename(folder)
        return
    replaced = building.with_suffix(".replaced")
    folder.rename(replaced)
    building.rename(folder)
    shutil.rmtree(replaced)
