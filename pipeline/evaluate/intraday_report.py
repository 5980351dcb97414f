"""The report of a run within the day: the same page and summary, in decisions, with the book beside."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
from matplotlib.figure import Figure

from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.evaluate.drawing import inline_svg
from pipeline.evaluate.figures import cost_risk_frontier, gain_over_delta, pnl_distributions
from pipeline.evaluate.forecast_figures import forecast_importance
from pipeline.evaluate.intraday import IntradayJudgement
from pipeline.evaluate.intraday_sheets import (
    charged_sheet,
    event_scores_sheet,
    file_sheet,
    held_sheet,
    left_out_sheet,
    regimes_sheet,
    unfilled_sheet,
    windows_sheet,
)
from pipeline.evaluate.liquidity import liquidity_sheet
from pipeline.evaluate.market_quality import drift_sheet
from pipeline.evaluate.metrics import METRICS
from pipeline.evaluate.report import CAPTIONS, ZERO_WIDTH_SPACE, place_report, rendered, timing_sheet
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.sheets import ablation_sheet, comparison_sheet, delta_sheet, present, regime_sheet
from pipeline.evaluate.signal_sheets import (
    forecast_sheet,
    importance_sheet,
    interval_sheet,
    reliability_sheet,
    transition_sheet,
    tuned_sheet,
)
from pipeline.evaluate.summary import (
    ablation_numbers,
    cost_by_view,
    forecast_numbers,
    importance_numbers,
    interval_numbers,
    json_clean,
    policy_numbers,
    regime_numbers,
    reliability_numbers,
    test_numbers,
)
from pipeline.evaluate.verdicts import describe_risk

UNIT: Final = "decision"


def write_intraday_report(evaluation: IntradayJudgement, record: RunRecord, folder: Path) -> dict[str, Path]:
    """Write `report.html`, `summary.json` and one PNG a figure; all or nothing, as `report.write_report`."""
    figures = {
        "gain_over_delta": gain_over_delta(evaluation.comparison, evaluation.desk.evaluation.confidence),
        "cost_risk_frontier": cost_risk_frontier(evaluation.comparison, "pnl_sd_bps"),
        "cost_tail_frontier": cost_risk_frontier(evaluation.comparison, "cvar95_bps"),
        "pnl_distributions": pnl_distributions(evaluation.panel),
        "forecast_importance": forecast_importance(evaluation.tables["importance"]),
    }
    page = render_intraday(evaluation, record, figures)
    return place_report(folder, page, intraday_summary(evaluation, record), figures)


def render_intraday(evaluation: IntradayJudgement, record: RunRecord, figures: Mapping[str, Figure]) -> str:
    """Return the report as one HTML page without a reference to anything outside it."""
    settings, tables, starts = evaluation.settings, evaluation.tables, evaluation.panel.starts
    return rendered(
        desk=settings,
        record=record,
        facts=_facts(evaluation),
        tested="tested days",
        said=evaluation.said,
        settings=_settings(settings),
        verdicts=evaluation.verdicts,
        period=f"{_instant(starts[0])} to {_instant(starts[-1])} UTC",
        first_sheets=present((comparison_sheet(evaluation), ablation_sheet(evaluation))),
        policy_sheets=present(
            (
                delta_sheet(evaluation),
                regime_sheet(evaluation),
                charged_sheet(evaluation),
                unfilled_sheet(tables["unfilled"]),
            )
        ),
        signal_sheets=present(
            (
                drift_sheet(evaluation.drift),
                liquidity_sheet(evaluation.liquidity),
                regimes_sheet(tables["regimes"]),
                transition_sheet(evaluation),
                forecast_sheet(evaluation, UNIT),
                importance_sheet(evaluation, UNIT),
                interval_sheet(evaluation, UNIT),
                event_scores_sheet(tables["events"]),
                reliability_sheet(evaluation),
            )
        ),
        data_sheets=present((file_sheet(tables["days"]), held_sheet(tables["held"]))),
        run_sheets=present(
            (
                windows_sheet(evaluation.windows),
                left_out_sheet(tables["left_out"]),
                tuned_sheet(evaluation),
                timing_sheet(record),
            )
        ),
        drawings={name: inline_svg(figure, name) for name, figure in figures.items()},
        captions=CAPTIONS,
        book_sheets=(),
        stress=(),
    )


def intraday_summary(evaluation: IntradayJudgement, record: RunRecord) -> dict[str, Any]:
    """Return what `summary.json` holds, as `summary.build_summary`, with what is known of the book.

    `drift` and `liquidity` hold the tables of that name, `unfilled.<policy>.<reason>` the orders that were
    not filled and `unfilled.<policy>.filled` those that were, `left_out` the starts that could not be used.
    """
    tables, tests = evaluation.tables, evaluation.against_delta
    summary = {
        "run": record.run,
        "kind": "intraday",
        "code_version": record.code_version,
        "dataset_keys": dict(record.dataset_keys),
        "market": dict(record.market),
        "desk": evaluation.settings.model_dump(mode="json"),
        "said": list(evaluation.said),
        "data": {"files": _files(tables), "notes": []},
        "windows": [
            {**row, "first": _instant(row["first"]), "last": _instant(row["last"])}
            for row in evaluation.windows.to_dict("records")
        ],
        "episodes": evaluation.panel.size,
        "effective_episodes": evaluation.effective,
        "earlier_looks": evaluation.earlier_looks,
        "policies": policy_numbers(evaluation.comparison, METRICS),
        "delayed": {},
        "ablations": ablation_numbers(evaluation.ablations),
        "tests": {name: test_numbers(rows) for name, rows in tests.groupby("policy", sort=False)},
        "by_regime": regime_numbers(evaluation.by_regime),
        "forecasts": forecast_numbers(tables["scores"]),
        "liquidity": evaluation.liquidity.to_dict("records"),
        "drift": evaluation.drift.to_dict("records"),
        "events": tables["events"].to_dict("records"),
        "intervals": interval_numbers(tables["intervals"]),
        "importance": importance_numbers(tables["importance"]),
        "reliability": reliability_numbers(tables["reliability"]),
        "regimes": {
            "states": tables["regimes"].to_dict("records"),
            "transition": tables["transition"].filter(like="to ").to_numpy(float),
        },
        "costs": cost_by_view(evaluation.costs),
        "unfilled": _unfilled(tables["unfilled"]),
        "left_out": tables["left_out"].to_dict("records"),
        "verdicts": [vars(verdict) for verdict in evaluation.verdicts],
        "timings_s": dict(record.timings_s),
        "peak_memory_mb": record.peak_memory_mb,
    }
    return {key: json_clean(value) for key, value in summary.items()}


def _files(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    held = tables["held"]
    found = []
    for file, rows in tables["days"].groupby("file", sort=True):
        faults = held[held["file"] == file]
        found.append(
            {
                "table": ", ".join(sorted(rows["table"].unique())),
                "file": str(file),
                "rows": int(rows["rows"].sum()),
                "quarantined": int(faults["count"].sum()),
                "reasons": {str(row["reason"]): int(row["count"]) for row in faults.to_dict("records")},
                "first": str(rows["day"].min()),
                "last": str(rows["day"].max()),
                "missing_sessions": 0,
            }
        )
    return found


def _unfilled(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for policy, rows in table.groupby("policy", sort=False):
        counts = rows.groupby("reason", sort=False)["orders"].sum()
        filled = rows.drop_duplicates("window")["filled"].sum()
        found[str(policy)] = {str(reason): int(count) for reason, count in counts.items()}
        found[str(policy)]["filled"] = int(filled)
    return found


def _facts(evaluation: IntradayJudgement) -> list[tuple[str, str]]:
    best = evaluation.comparison["risk_bps"].idxmin()
    return [
        ("Episodes", f"{evaluation.panel.size:,}"),
        ("Effective, without overlap", f"{evaluation.effective:,}"),
        ("Policies compared", f"{len(evaluation.panel.policies)}"),
        ("Earlier looks at these days", f"{evaluation.earlier_looks}"),
        ("Least risk", str(best).replace("_", f"_{ZERO_WIDTH_SPACE}")),
    ]


def _settings(desk: IntradayDesk) -> list[tuple[str, str]]:
    option, hedge, grid, own = desk.option, desk.hedge, desk.grid, desk.evaluation
    minutes = option.steps * grid.every_seconds / 60.0
    closes = "midnight" if grid.close is None else f"{grid.close:%H:%M}"
    windows = desk.windows
    refit = "every day" if windows.refit_minutes is None else f"every {windows.refit_minutes} minutes"
    return [
        (
            "Option",
            f"{option.side} {option.kind}, {option.steps} decisions ({minutes:g} minutes), strike "
            f"{option.moneyness:.0%} of spot, one every {option.start_every} decisions; marked at "
            f"{option.mark}",
        ),
        (
            "Hedge",
            f"{hedge.size:g} units an option, lots of {hedge.lot:g}; an order arrives a median "
            f"{hedge.latency.median_seconds:g} s after its decision (log deviation {hedge.latency.spread:g})",
        ),
        (
            "Decisions",
            f"every {grid.every_seconds} s from {grid.open:%H:%M} to {closes}, {grid.zone}; a book older "
            f"than {grid.stale_after_seconds:g} s fills nothing",
        ),
        (
            "Cost",
            f"{desk.costs.fee_bps:g} bps fee, {desk.costs.fixed_fee:g} an order, and the book's own levels, "
            f"each taken once; final unwind {'charged' if desk.costs.unwind else 'not charged'}",
        ),
        ("Desk minimises", describe_risk(desk.risk)),
        (
            "Windows",
            f"learned from {windows.learn_start}, signals from {windows.signals_start}, tested from "
            f"{windows.test_start} to {windows.test_end}, fitted again {refit}",
        ),
        (
            "Regimes",
            f"{desk.regimes.states} states by {desk.regimes.detector} on {', '.join(desk.regimes.features)}",
        ),
        (
            "Intervals",
            f"stationary bootstrap over starts, mean block {own.block_steps} decisions, {own.resamples:,} "
            f"resamples, the same for every policy; confidence {own.confidence:.0%}",
        ),
    ]


def _instant(when: pd.Timestamp) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S}"
