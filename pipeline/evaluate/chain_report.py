"""The report of a run on option chains: the same page and summary, in start days, with real quotes beside."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from pipeline.domain.chain_desk import ChainDesk
from pipeline.evaluate.chain import ChainJudgement
from pipeline.evaluate.chain_sheets import (
    frontier_sheet,
    gain_sheet,
    held_sheet,
    left_out_sheet,
    pooled_sheet,
    surface_sheet,
)
from pipeline.evaluate.drawing import inline_svg
from pipeline.evaluate.figures import cost_risk_frontier, gain_over_delta, long_date, pnl_distributions
from pipeline.evaluate.forecast_figures import forecast_importance
from pipeline.evaluate.metrics import METRICS
from pipeline.evaluate.report import CAPTIONS, ZERO_WIDTH_SPACE, place_report, rendered, timing_sheet
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.sheets import (
    ablation_sheet,
    attribution_sheet,
    comparison_sheet,
    delta_sheet,
    present,
    regime_sheet,
)
from pipeline.evaluate.signal_sheets import (
    event_sheet,
    forecast_sheet,
    importance_sheet,
    interval_sheet,
    transition_sheet,
    tuned_sheet,
    window_sheet,
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
    test_numbers,
)
from pipeline.evaluate.verdicts import describe_risk


def write_chain_report(evaluation: ChainJudgement, record: RunRecord, folder: Path) -> dict[str, Path]:
    """Write `report.html`, `summary.json` and one PNG a figure; all or nothing, as `report.write_report`."""
    figures = {
        "gain_over_delta": gain_over_delta(evaluation.comparison, evaluation.desk.evaluation.confidence),
        "cost_risk_frontier": cost_risk_frontier(evaluation.comparison, "pnl_sd_bps"),
        "cost_tail_frontier": cost_risk_frontier(evaluation.comparison, "cvar95_bps"),
        "pnl_distributions": pnl_distributions(evaluation.panel),
        "forecast_importance": forecast_importance(evaluation.tables["importance"]),
    }
    page = render_chain(evaluation, record, figures)
    return place_report(folder, page, chain_summary(evaluation, record), figures)


def render_chain(evaluation: ChainJudgement, record: RunRecord, figures: Mapping[str, Figure]) -> str:
    """Return the report as one HTML page without a reference to anything outside it."""
    tables, starts = evaluation.tables, evaluation.panel.starts
    return rendered(
        desk=evaluation.settings,
        record=record,
        facts=_facts(evaluation),
        tested="tested days",
        said=evaluation.said,
        settings=_settings(evaluation.settings),
        verdicts=evaluation.verdicts,
        period=f"{long_date(starts[0])} to {long_date(starts[-1])}",
        first_sheets=present((comparison_sheet(evaluation), ablation_sheet(evaluation))),
        policy_sheets=present(
            (
                pooled_sheet(evaluation.pooled),
                gain_sheet(evaluation.gains.table),
                frontier_sheet(evaluation.frontier),
                delta_sheet(evaluation),
                regime_sheet(evaluation),
                attribution_sheet(evaluation),
            )
        ),
        signal_sheets=present(
            (
                surface_sheet(tables["surface"]),
                transition_sheet(evaluation),
                forecast_sheet(evaluation),
                importance_sheet(evaluation),
                interval_sheet(evaluation),
                event_sheet(evaluation),
            )
        ),
        data_sheets=present((held_sheet(tables["held"]), left_out_sheet(tables["left_out"]))),
        run_sheets=present((window_sheet(evaluation), tuned_sheet(evaluation), timing_sheet(record))),
        drawings={name: inline_svg(figure, name) for name, figure in figures.items()},
        captions=CAPTIONS,
        book_sheets=(),
        stress=(),
    )


def chain_summary(evaluation: ChainJudgement, record: RunRecord) -> dict[str, Any]:
    """Return what `summary.json` holds, as `summary.build_summary`, with what real quotes say.

    `pooled` holds the metrics of single options by calls and puts, `slope_gains` and `vega_frontier` the
    tables of that name, `left_out` the options that could not be closed.
    """
    tables, tests = evaluation.tables, evaluation.against_delta
    pooled = {
        str(options): rows.droplevel("options").to_dict("index")
        for options, rows in evaluation.pooled.groupby("options", sort=False)
    }
    summary = {
        "run": record.run,
        "kind": "chain",
        "code_version": record.code_version,
        "dataset_keys": dict(record.dataset_keys),
        "market": dict(record.market),
        "desk": evaluation.settings.model_dump(mode="json"),
        "said": list(evaluation.said),
        "data": {"files": _files(tables), "notes": []},
        "windows": [
            {**row, "first": f"{row['first']:%Y-%m-%d}", "last": f"{row['last']:%Y-%m-%d}"}
            for row in evaluation.windows.to_dict("records")
        ],
        "episodes": evaluation.panel.size,
        "effective_episodes": evaluation.effective,
        "earlier_looks": evaluation.earlier_looks,
        "policies": policy_numbers(evaluation.comparison, METRICS),
        "pooled": pooled,
        "slope_gains": evaluation.gains.table.to_dict("records"),
        "vega_frontier": evaluation.frontier.to_dict("records"),
        "delayed": {},
        "ablations": ablation_numbers(evaluation.ablations),
        "tests": {name: test_numbers(rows) for name, rows in tests.groupby("policy", sort=False)},
        "by_regime": regime_numbers(evaluation.by_regime),
        "forecasts": forecast_numbers(tables["scores"]),
        "intervals": interval_numbers(tables["intervals"]),
        "importance": importance_numbers(tables["importance"]),
        "costs": cost_by_view(evaluation.costs),
        "left_out": tables["left_out"].to_dict("records"),
        "verdicts": [vars(verdict) for verdict in evaluation.verdicts],
        "timings_s": dict(record.timings_s),
        "peak_memory_mb": record.peak_memory_mb,
    }
    return {key: json_clean(value) for key, value in summary.items()}


def _files(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    held, days = tables["held"], tables["days"]
    names = sorted({*days["file"], *held["file"]})
    found = []
    for name in names:
        own, faults = days[days["file"] == name], held[held["file"] == name]
        reasons = {str(row["reason"]): int(row["count"]) for row in faults.to_dict("records")}
        span = (f"{own['day'].min():%Y-%m-%d}", f"{own['day'].max():%Y-%m-%d}") if len(own) else ("", "")
        found.append(
            {
                "table": "option_quotes",
                "file": name,
                "rows": int(own["quotes"].sum()),
                "quarantined": sum(reasons.values()),
                "reasons": reasons,
                "first": span[0],
                "last": span[1],
                "missing_sessions": 0,
            }
        )
    return found


def _facts(evaluation: ChainJudgement) -> list[tuple[str, str]]:
    best = evaluation.comparison["risk_bps"].idxmin()
    deals = evaluation.tables["episodes"]
    count = len(deals) // deals["policy"].nunique()
    return [
        ("Options dealt", f"{count:,}"),
        ("Start days", f"{evaluation.panel.size:,}"),
        ("Effective, without overlap", f"{evaluation.effective:,}"),
        ("Policies compared", f"{len(evaluation.panel.policies)}"),
        ("Earlier looks at these days", f"{evaluation.earlier_looks}"),
        ("Least risk", str(best).replace("_", f"_{ZERO_WIDTH_SPACE}")),
    ]


def _settings(desk: ChainDesk) -> list[tuple[str, str]]:
    option, windows, own = desk.option, desk.windows, desk.evaluation
    return [
        (
            "Options",
            f"{option.side}; tenors {', '.join(map(str, option.tenor_days))} days, deltas "
            f"{', '.join(f'{delta:g}' for delta in option.deltas)}, calls and puts, on every day; held for "
            f"{option.hold_days} days with quotes",
        ),
        ("Hedge", "parity forward of the option's own expiry, once a day with quotes"),
        (
            "Cost",
            f"{desk.costs.fee_bps:g} bps fee + {desk.costs.half_spread_bps:g} bps half-spread of the hedge; "
            f"final unwind {'charged' if desk.costs.unwind else 'not charged'}; options at their quotes",
        ),
        ("Desk minimises", describe_risk(desk.risk)),
        (
            "Windows",
            f"signals learned from {windows.learn_start}, tested from {windows.test_start} to "
            f"{windows.test_end}, hedgers fitted again every {windows.refit_days} days",
        ),
        (
            "Regimes",
            f"{desk.regimes.states} states by {desk.regimes.detector} on {', '.join(desk.regimes.features)}",
        ),
        (
            "Intervals",
            f"stationary bootstrap over start days, mean block {own.block_sessions}, {own.resamples:,} "
            f"resamples, the same for every policy; confidence {own.confidence:.0%}",
        ),
    ]
