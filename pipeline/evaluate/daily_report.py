"""The report of a run of a daily desk."""

from pipeline.domain.desk import Desk
from pipeline.evaluate.book import Replay
from pipeline.evaluate.book_figures import all_book_figures, stress_anchor
from pipeline.evaluate.book_sheets import VIEWS, book_sheet, explain_sheet, replay_sheet, untested
from pipeline.evaluate.compose import (
    Lines,
    composed,
    importance_picture,
    intervals_told,
    minimised,
    regimes_told,
)
from pipeline.evaluate.cost_sheet import cost_sheet
from pipeline.evaluate.data_quality import data_named, data_sheet, data_summary, note_sheet, quarantine_sheet
from pipeline.evaluate.detector_sheet import detector_sheet, detector_value_sheet
from pipeline.evaluate.evaluate import Evaluation
from pipeline.evaluate.figures import (
    forecast_against_realised,
    long_date,
    regimes_over_price,
    stressed_episode,
)
from pipeline.evaluate.frontier import frontier_sheet
from pipeline.evaluate.network_sheet import network_sheet
from pipeline.evaluate.own_fills import daily_fills, own_fills_sheet
from pipeline.evaluate.page import Item, Picture, Report, Section, section
from pipeline.evaluate.position_sheets import held_back_sheet, positions_sheet
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.sheets import attribution_sheet, delayed_sheet, delta_sheet, regime_sheet
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
from pipeline.evaluate.summary import daily_summary

LATE = (
    "The volatility index prints after the cash close. In this pessimistic bound the hedge decided on a "
    "session is traded at the next one's close."
)
REPLAY_CAPTION = (
    "Each day with what was known on it. Bars: what explains the P&L of the day that closed, point: the P&L."
)


def daily_report(evaluation: Evaluation, record: RunRecord) -> Report:
    """Return the report of a daily desk."""
    starts = evaluation.panel.starts
    return composed(
        evaluation,
        record,
        daily_summary(evaluation, record),
        period=f"{long_date(starts[0])} to {long_date(starts[-1])}",
        tested="test years",
        counted=(("Episodes", f"{evaluation.panel.size:,}"),),
        pictures=(
            Picture(
                "stressed_episode",
                stressed_episode(evaluation.tables["path"]),
                "How three hedgers came through the most stressed month of the test years.",
            ),
        ),
        policies=_policies(evaluation),
        between=_book(evaluation),
        signals=_signals(evaluation),
        settings=_settings(evaluation.desk),
        data=(
            data_sheet(data_summary(evaluation.tables)["files"]),
            note_sheet(evaluation),
            quarantine_sheet(evaluation),
            window_sheet(evaluation),
            tuned_sheet(evaluation),
            network_sheet(evaluation),
        ),
    )


def _policies(evaluation: Evaluation) -> tuple[Item | None, ...]:
    return (
        delta_sheet(evaluation),
        delayed_sheet(evaluation, "session", LATE),
        regime_sheet(evaluation),
        attribution_sheet(evaluation),
        frontier_sheet(evaluation),
        cost_sheet(evaluation),
        own_fills_sheet(daily_fills(evaluation.desk, evaluation.tables)),
    )


def _signals(evaluation: Evaluation) -> tuple[Item | None, ...]:
    signals, desk = evaluation.tables["signals"], evaluation.desk
    drawn = [
        Picture(
            "regimes_over_price",
            regimes_over_price(signals, desk.regimes.names),
            "The regimes the desk believed in, on each day, with what was known on that day.",
        )
    ]
    if signals[["forecast_vol", "realised_vol"]].notna().all(axis=1).any():
        figure = forecast_against_realised(signals, desk.option.sessions)
        caption = "Volatility forecast for the option's life against what came."
        drawn.append(Picture("forecast_against_realised", figure, caption))
    return (
        *drawn,
        regime_description_sheet(evaluation),
        transition_sheet(evaluation),
        detector_sheet(evaluation),
        detector_value_sheet(evaluation),
        forecast_sheet(evaluation),
        importance_sheet(evaluation),
        importance_picture(evaluation),
        interval_sheet(evaluation),
        event_sheet(evaluation),
        reliability_sheet(evaluation),
    )


def _book(evaluation: Evaluation) -> tuple[Section | None, ...]:
    figures = all_book_figures(evaluation.tables, evaluation.desk, evaluation.replays)

    def drawn(name: str, caption: str) -> Picture:
        return Picture(name, figures[name], caption)

    def replayed(replay: Replay) -> Section | None:
        anchor = stress_anchor(replay.window.name)
        if not replay.tested:
            lead = untested(replay, evaluation.tables["book"])
            return section(anchor, replay.window.name, (), lead, bare=True)
        items: list[Item | None] = []
        for of in ("book", "episode"):
            name = stress_anchor(replay.window.name, of)
            picture = drawn(name, REPLAY_CAPTION) if name in figures else None
            items += (picture, replay_sheet(replay, anchor, of))
        return section(anchor, replay.window.name, items)

    book = section(
        "book",
        "The book",
        (
            book_sheet(evaluation),
            drawn("book_pnl", "The net position day by day, from the first option to the last expiry."),
            drawn("book_greeks", "Options and hedge together; gamma, vega and theta are the options' own."),
            positions_sheet(evaluation),
            held_back_sheet(evaluation),
            *(explain_sheet(evaluation, view) for view in VIEWS),
        ),
    )
    lead = "The market as it was known on each day, and what the hedgers did and earned:"
    windows = [replayed(replay) for replay in evaluation.replays]
    return book, section("stress", "Days of stress", windows, lead)


def _settings(desk: Desk) -> Lines:
    option, costs, windows, own = desk.option, desk.costs, desk.windows, desk.evaluation
    every = "one a session" if option.start_every == 1 else f"one every {option.start_every} sessions"
    delay = "at the close that it is decided on"
    if desk.hedge.delay_sessions:
        delay = f"{desk.hedge.delay_sessions} session(s) after the decision"
    return (
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
        minimised(desk.risk),
        (
            "Market constants",
            f"rate {desk.market.rate:.2%}, dividend yield {desk.market.dividend_yield:.2%}, at-the-money "
            f"over index volatility {desk.market.atm_ratio:g}",
        ),
        (
            "Data",
            f"{data_named(desk)}, learned from {windows.learn_start}, signals from {windows.signals_start}",
        ),
        regimes_told(desk.regimes),
        intervals_told("start days", f"{own.block_sessions} sessions", own.resamples, own.confidence),
    )


def _further_costs(desk: Desk) -> str:
    """Say what else a trade costs or is bound by, of what is off by default."""
    costs, execution = desk.costs, desk.execution
    said = {
        f"{costs.fixed_fee_bps:g} bps fixed fee a trade": costs.fixed_fee_bps,
        f"square-root impact (Y = {execution.impact:g})": execution.impact,
        f"lots of {execution.lot:g}": execution.lot,
    }
    return "".join(f" + {words}" for words, size in said.items() if size)
