"""The report of a run on one contract: in days of a single hedge."""

from typing import Any

import pandas as pd

from pipeline.evaluate.compose import SIGNALS, Lines, importance_picture, minimised, regimes_told, run_section
from pipeline.evaluate.contract import ContractJudgement
from pipeline.evaluate.contract_sheets import (
    checks_sheet,
    contract_path,
    contract_pnl,
    day_sheet,
    explained_sheet,
    path_sheet,
)
from pipeline.evaluate.data_quality import data_sheet, data_summary, files_read, note_sheet, quarantine_sheet
from pipeline.evaluate.figures import cost_risk_frontier, long_date
from pipeline.evaluate.network_sheet import network_sheet
from pipeline.evaluate.page import Picture, Report, Section, section
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.signal_sheets import (
    event_sheet,
    forecast_sheet,
    importance_sheet,
    interval_sheet,
    transition_sheet,
    tuned_sheet,
)
from pipeline.evaluate.summary import summarised


def contract_report(evaluation: ContractJudgement, record: RunRecord) -> Report:
    """Return the report of a desk on one contract."""
    tables, life = evaluation.tables, evaluation.life
    hedge = (path_sheet(evaluation.path), checks_sheet(tables["checks"]))
    more = (explained_sheet(evaluation.explained), day_sheet(evaluation.comparison))
    signals = (
        transition_sheet(evaluation),
        forecast_sheet(evaluation),
        importance_sheet(evaluation),
        importance_picture(evaluation),
        interval_sheet(evaluation),
        event_sheet(evaluation),
    )
    data = (
        data_sheet(_data(evaluation)["files"]),
        note_sheet(evaluation),
        quarantine_sheet(evaluation),
        tuned_sheet(evaluation),
        network_sheet(evaluation),
    )
    sections = (
        section("overview", "The hedge", hedge),
        _pictures(evaluation),
        section("more", "Day by day", more),
        section("signals", SIGNALS, signals),
        run_section(_settings(evaluation), record, data),
    )
    return Report(
        name=evaluation.desk.name,
        description=evaluation.desk.description,
        period=f"{long_date(life['start'])} to {long_date(life['end'])}",
        tested="days of the hedge",
        facts=(
            ("Days of the hedge", f"{evaluation.panel.size:,}"),
            ("Dealt at", f"{life['entry']:.2f}"),
            ("Ended", f"{life['ending']}, {life['exit']:.2f}"),
            ("Policies compared", f"{len(evaluation.panel.policies)}"),
            ("Earlier looks at these days", f"{evaluation.earlier_looks}"),
        ),
        said=evaluation.said,
        verdicts=evaluation.verdicts,
        sections=tuple(each for each in sections if each is not None),
        record=record,
        summary=contract_summary(evaluation, record),
        opening="One option, hedged from",
        closing="A single hedge of one contract; no claim about others.",
    )


def contract_summary(evaluation: ContractJudgement, record: RunRecord) -> dict[str, Any]:
    """Return what `summary.json` holds: what every kind has, and what a single hedge has.

    `policies` are averages over the days, without intervals; `path`, `explained`, `life`, `exercise` and
    `held` are the tables of that name (`ContractJudgement`).
    """
    tables = evaluation.tables
    own = {
        "kind": "contract",
        "data": _data(evaluation),
        "path": evaluation.path.to_dict("index"),
        "explained": evaluation.explained.to_dict("index"),
        "life": dict(evaluation.life),
        "exercise": tables["checks"].to_dict("records"),
        "held": tables["held"].to_dict("records"),
    }
    return summarised(evaluation, record, own)


def _data(evaluation: ContractJudgement) -> dict[str, Any]:
    tables, file = evaluation.tables, evaluation.settings.data.file
    days = tables["option_quotes"]["event_time"].dt.tz_localize(None).dt.normalize()
    read = pd.DataFrame({"day": days, "table": "option_quotes", "file": file, "rows": 1})
    return data_summary(tables, files_read(read, tables["held"]))


def _pictures(evaluation: ContractJudgement) -> Section | None:
    days, strike = evaluation.tables["days"], float(evaluation.life["strike"])
    drawn = (
        Picture(
            "contract_path",
            contract_path(days, evaluation.tables["checks"], strike),
            "The share with strike and ex-dates, the option's volatility, and the hedge.",
        ),
        Picture(
            "contract_pnl",
            contract_pnl(days),
            "Option at its mid and hedge together, after cost; without a hedge below.",
        ),
        Picture(
            "cost_risk_frontier",
            cost_risk_frontier(evaluation.comparison, "pnl_sd_bps"),
            "Each hedge by the cost and the deviation of a day; lower and left is better.",
        ),
    )
    return section("pictures", "Pictures", drawn)


def _settings(evaluation: ContractJudgement) -> Lines:
    desk, life = evaluation.settings, evaluation.life
    windows, costs = desk.windows, desk.costs
    return (
        (
            "Option",
            f"{desk.option.side} American {life['right']} on {desk.data.underlying}, strike "
            f"{life['strike']:g}, expiry {life['expiry']:%Y-%m-%d}",
        ),
        ("Hedge", "the share, once a session at the close, dividends in cash"),
        ("Pricing", "finite differences (QuantLib) with the dividends that were expected on the day"),
        (
            "Cost",
            f"{costs.fee_bps:g} bps fee + {costs.half_spread_bps:g} bps half-spread × realised illiquidity "
            "of the share; the option at its quotes",
        ),
        minimised(desk.risk),
        (
            "Fitted",
            f"before {windows.test_start} on {life['training_options']:,} options of "
            f"{desk.training.sessions} sessions from {windows.signals_start} on; "
            f"signals learned from {windows.learn_start}",
        ),
        regimes_told(desk.regimes),
    )
