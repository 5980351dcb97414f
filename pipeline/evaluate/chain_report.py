"""The report of a run on option chains: in start days, with real quotes beside."""

from typing import Any, Final

from pipeline.domain.chain_desk import ChainDesk
from pipeline.evaluate.chain import ChainJudgement
from pipeline.evaluate.chain_quality import QUALITY, arbitrage_sheet
from pipeline.evaluate.chain_sheets import (
    frontier_sheet,
    gain_sheet,
    held_sheet,
    left_out_sheet,
    pooled_sheet,
    surface_sheet,
)
from pipeline.evaluate.compose import (
    Lines,
    composed,
    importance_picture,
    intervals_told,
    minimised,
    regimes_told,
)
from pipeline.evaluate.data_quality import data_sheet, data_summary, files_read, note_sheet, quarantine_sheet
from pipeline.evaluate.figures import long_date
from pipeline.evaluate.market_quality import drift_sheet
from pipeline.evaluate.network_sheet import network_sheet
from pipeline.evaluate.page import Report
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.sheets import attribution_sheet, delayed_sheet, delta_sheet, regime_sheet
from pipeline.evaluate.signal_sheets import (
    event_sheet,
    forecast_sheet,
    importance_sheet,
    interval_sheet,
    transition_sheet,
    tuned_sheet,
    window_sheet,
)
from pipeline.evaluate.summary import summarised

DAYS: Final = (
    "The chains before the test against the tested ones: measures of a quote over all quotes with a bid, "
    "those of a day over days, too few for a stability index."
)
LATE: Final = (
    "Quotes are known a quarter of an hour after they stood. In this pessimistic bound every order is filled "
    "at the next day's forward; the opening hedge is dealt with the option and is not late."
)


def chain_report(evaluation: ChainJudgement, record: RunRecord) -> Report:
    """Return the report of a desk on option chains."""
    tables, starts = evaluation.tables, evaluation.panel.starts
    policies = (
        pooled_sheet(evaluation.pooled),
        gain_sheet(evaluation.gains.table),
        frontier_sheet(evaluation.frontier),
        delayed_sheet(evaluation, "day", LATE),
        delta_sheet(evaluation),
        regime_sheet(evaluation),
        attribution_sheet(evaluation),
    )
    signals = (
        drift_sheet(evaluation.drift, QUALITY, DAYS),
        arbitrage_sheet(evaluation.quality),
        surface_sheet(tables["surface"]),
        transition_sheet(evaluation),
        forecast_sheet(evaluation),
        importance_sheet(evaluation),
        importance_picture(evaluation),
        interval_sheet(evaluation),
        event_sheet(evaluation),
    )
    data = (
        data_sheet(_data(evaluation)["files"]),
        held_sheet(tables["held"]),
        quarantine_sheet(evaluation),
        note_sheet(evaluation),
        left_out_sheet(tables["left_out"]),
        window_sheet(evaluation),
        tuned_sheet(evaluation),
        network_sheet(evaluation),
    )
    return composed(
        evaluation,
        record,
        chain_summary(evaluation, record),
        period=f"{long_date(starts[0])} to {long_date(starts[-1])}",
        tested="tested days",
        counted=(
            ("Options dealt", f"{_dealt(evaluation):,}"),
            ("Start days", f"{evaluation.panel.size:,}"),
        ),
        policies=policies,
        signals=signals,
        settings=_settings(evaluation.settings),
        data=data,
    )


def chain_summary(evaluation: ChainJudgement, record: RunRecord) -> dict[str, Any]:
    """Return what `summary.json` holds: what every kind has, and what real quotes say.

    `pooled` holds the metrics of single options by calls and puts, `drift`, `quality` (a row a day),
    `slope_gains` and `vega_frontier` the tables of that name, `left_out` the options that could not be
    closed.
    """
    pooled = {
        str(options): rows.droplevel("options").to_dict("index")
        for options, rows in evaluation.pooled.groupby("options", sort=False)
    }
    own = {
        "kind": "chain",
        "data": _data(evaluation),
        "pooled": pooled,
        "drift": evaluation.drift.to_dict("records"),
        "quality": evaluation.quality.to_dict("records"),
        "slope_gains": evaluation.gains.table.to_dict("records"),
        "vega_frontier": evaluation.frontier.to_dict("records"),
        "left_out": evaluation.tables["left_out"].to_dict("records"),
    }
    return summarised(evaluation, record, own)


def _data(evaluation: ChainJudgement) -> dict[str, Any]:
    tables = evaluation.tables
    days = tables["days"].assign(table="option_quotes").rename(columns={"quotes": "rows"})
    return data_summary(tables, files_read(days, tables["held"]))


def _dealt(evaluation: ChainJudgement) -> int:
    deals = evaluation.tables["episodes"]
    return len(deals) // len(deals[["policy", "delay"]].drop_duplicates())


def _settings(desk: ChainDesk) -> Lines:
    option, windows, own = desk.option, desk.windows, desk.evaluation
    return (
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
        minimised(desk.risk),
        (
            "Windows",
            f"signals learned from {windows.learn_start}, tested from {windows.test_start} to "
            f"{windows.test_end}, hedgers fitted again every {windows.refit_days} days",
        ),
        regimes_told(desk.regimes),
        intervals_told("start days", f"{own.block_sessions}", own.resamples, own.confidence),
    )
