"""The report of a run within the day: in decisions, with the venue's book beside."""

from typing import Any, Final

import pandas as pd

from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.evaluate.compose import (
    Lines,
    composed,
    importance_picture,
    intervals_told,
    minimised,
    regimes_told,
)
from pipeline.evaluate.data_quality import data_sheet, data_summary, files_read, note_sheet, quarantine_sheet
from pipeline.evaluate.figures import stressed_episode
from pipeline.evaluate.frontier import frontier_sheet
from pipeline.evaluate.intraday import IntradayJudgement
from pipeline.evaluate.intraday_sheets import (
    EVENTS,
    charged_sheet,
    event_interval_sheet,
    held_sheet,
    left_out_sheet,
    regimes_sheet,
    unfilled_sheet,
)
from pipeline.evaluate.liquidity import liquidity_sheet
from pipeline.evaluate.market_quality import book_day_sheet, drift_sheet, known_sheet
from pipeline.evaluate.network_sheet import network_sheet
from pipeline.evaluate.own_fills import OWN_FILLS, fills_within_day, own_fill_records, own_fills_sheet
from pipeline.evaluate.page import Picture, Report
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.sheets import delayed_sheet, delta_sheet, regime_sheet
from pipeline.evaluate.signal_sheets import (
    event_sheet,
    forecast_sheet,
    importance_sheet,
    interval_sheet,
    reliability_sheet,
    transition_sheet,
    tuned_sheet,
    window_sheet,
)
from pipeline.evaluate.summary import summarised
from pipeline.evaluate.worst_hours import worst_hours_sheet
from pipeline.features.decision_grid import BOOK_DAYS

UNIT: Final = "decision"
LATE: Final = (
    "Every order meets the book of the decision after its own, beside the latency of the desk: what a desk "
    "pays that sees its data, or sends its orders, a whole step late. The opening hedge is dealt with the "
    "option and is not late."
)


def intraday_report(evaluation: IntradayJudgement, record: RunRecord) -> Report:
    """Return the report of a desk within the day."""
    tables, starts = evaluation.tables, evaluation.panel.starts
    policies = (
        delta_sheet(evaluation),
        delayed_sheet(evaluation, UNIT, LATE),
        regime_sheet(evaluation),
        worst_hours_sheet(evaluation.worst),
        frontier_sheet(evaluation),
        charged_sheet(evaluation),
        unfilled_sheet(tables["unfilled"]),
        own_fills_sheet(fills_within_day(evaluation.settings, tables)),
    )
    signals = (
        drift_sheet(evaluation.drift),
        known_sheet(evaluation.known),
        liquidity_sheet(evaluation.liquidity),
        regimes_sheet(tables["regimes"]),
        transition_sheet(evaluation),
        forecast_sheet(evaluation, UNIT),
        importance_sheet(evaluation, UNIT),
        importance_picture(evaluation, UNIT),
        interval_sheet(evaluation, UNIT),
        event_sheet(evaluation, EVENTS),
        reliability_sheet(evaluation),
        event_interval_sheet(tables["event_intervals"]),
    )
    data = (
        data_sheet(_data(evaluation)["files"]),
        held_sheet(tables["held"]),
        quarantine_sheet(evaluation),
        note_sheet(evaluation),
        book_day_sheet(tables[BOOK_DAYS]),
        window_sheet(evaluation),
        left_out_sheet(tables["left_out"]),
        tuned_sheet(evaluation),
        network_sheet(evaluation),
    )
    return composed(
        evaluation,
        record,
        intraday_summary(evaluation, record),
        period=f"{starts[0]:%Y-%m-%d %H:%M:%S} to {starts[-1]:%Y-%m-%d %H:%M:%S} UTC",
        tested="tested days",
        counted=(("Episodes", f"{evaluation.panel.size:,}"),),
        pictures=(
            Picture(
                "stressed_episode",
                stressed_episode(tables["path"]),
                "How three hedgers came through the most turbulent tested option.",
            ),
        ),
        policies=policies,
        signals=signals,
        settings=_settings(evaluation.settings, tables["signals"]),
        data=data,
    )


def intraday_summary(evaluation: IntradayJudgement, record: RunRecord) -> dict[str, Any]:
    """Return what `summary.json` holds: what every kind has, and what is known of the book.

    `drift`, `known`, `book_days`, `liquidity`, `event_intervals` and `worst_hours` hold the tables of that
    name, `unfilled.<policy>.<reason>` the orders that were not filled and `unfilled.<policy>.filled` those
    that were, `left_out` the starts that could not be used, `own_fills` what the desk's own cost by day.
    """
    own = {
        "kind": "intraday",
        "data": _data(evaluation),
        "liquidity": evaluation.liquidity.to_dict("records"),
        "worst_hours": evaluation.worst.to_dict("records"),
        "drift": evaluation.drift.to_dict("records"),
        "known": evaluation.known.to_dict("records"),
        BOOK_DAYS: evaluation.tables[BOOK_DAYS].to_dict("records"),
        "event_intervals": evaluation.tables["event_intervals"].to_dict("records"),
        "unfilled": _unfilled(evaluation.tables["unfilled"]),
        "left_out": evaluation.tables["left_out"].to_dict("records"),
        OWN_FILLS: own_fill_records(fills_within_day(evaluation.settings, evaluation.tables)),
    }
    return summarised(evaluation, record, own)


def _data(evaluation: IntradayJudgement) -> dict[str, Any]:
    tables = evaluation.tables
    return data_summary(tables, files_read(tables["days"], tables["held"]))


def _unfilled(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for policy, rows in table.groupby("policy", sort=False):
        counts = rows.groupby("reason", sort=False)["orders"].sum()
        filled = rows.drop_duplicates("window")["filled"].sum()
        found[str(policy)] = {str(reason): int(count) for reason, count in counts.items()}
        found[str(policy)]["filled"] = int(filled)
    return found


def _settings(desk: IntradayDesk, signals: pd.DataFrame) -> Lines:
    option, hedge, grid, own = desk.option, desk.hedge, desk.grid, desk.evaluation
    minutes = option.steps * float(signals["step_seconds"].iloc[0]) / 60.0
    about = "" if grid.every_events is None else "about "
    closes = "midnight" if grid.close is None else f"{grid.close:%H:%M}"
    windows = desk.windows
    refit = "every day" if windows.refit_minutes is None else f"every {windows.refit_minutes} minutes"
    return (
        (
            "Option",
            f"{option.side} {option.kind}, {option.steps} decisions ({about}{minutes:.4g} minutes), strike "
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
            f"{grid.told} from {grid.open:%H:%M} to {closes}, {grid.zone}; a book older "
            f"than {grid.stale_after_seconds:g} s fills nothing",
        ),
        (
            "Cost",
            f"{desk.costs.fee_bps:g} bps fee, {desk.costs.fixed_fee:g} an order, and the book's own levels, "
            f"each taken once; final unwind {'charged' if desk.costs.unwind else 'not charged'}",
        ),
        minimised(desk.risk),
        (
            "Windows",
            f"learned from {windows.learn_start}, signals from {windows.signals_start}, tested from "
            f"{windows.test_start} to {windows.test_end}, fitted again {refit}",
        ),
        regimes_told(desk.regimes),
        intervals_told("starts", f"{own.block_steps} decisions", own.resamples, own.confidence),
    )
