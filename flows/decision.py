"""The decision after the close: fresh data, the champions' bands, today's orders."""

import logging
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import pandas as pd
from prefect import flow

from flows.artifacts import show_decision
from flows.datasets import home_of, store_of
from flows.failures import told
from flows.naming import run_name
from flows.stages import features, ingest, load_positions
from pipeline.backtest.desk_check import checked_any
from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.ingest.hedge_position import FLAT, HedgePosition, given_position, read_hedge_position
from pipeline.ingest.positions import check_none_left_out
from pipeline.live.decision import Decision
from pipeline.live.decision_log import log_decision
from pipeline.live.open_book import OptionTerms
from pipeline.tracking.champions import load_champions
from pipeline.tracking.decide import decide_now, decide_within_day

log = logging.getLogger(__name__)

Kind = Literal["call", "put", "straddle"]


@flow(name="daily_decision", flow_run_name=run_name)
@told("decide")
def daily_decision(
    desk: str,
    home: str | None = None,
    force: bool = False,
    position: float | None = None,
    kind: Kind | None = None,
    strike: float | None = None,
    expiry: datetime | date | None = None,
    quantity: float | None = None,
    opened: date | None = None,
    allow_stale: bool = False,
) -> tuple[Decision, Path]:
    """Load the newest data and say what each hedger does now; nothing is fitted.

    Parameters
    ----------
    desk : a shipped desk, or the path of a desk file.
    home : where data/ and mlruns/ are.
    force : load and compute the data again, even if it has not changed.
    position : units of the hedge instrument held now; else what the desk's `decision.position_file` says,
        else nothing is assumed to be held.
    kind, strike, expiry, quantity, opened : the option that is hedged; what is left out is the desk's own,
        dealt after the newest session (within the day: at the newest decision). Without any the desk's
        `book.positions` are hedged, if it names some.
    allow_stale : decide on old data without failing.

    Returns
    -------
    The decision, and the file that it is written to.
    """
    settings, place = checked_any(desk), home_of(home)
    terms = OptionTerms(kind, strike, _day(expiry), quantity, _day(opened))
    if isinstance(settings, ChainDesk | ContractDesk):
        raise SettingsError(
            f"{desk}: hedge decide works on daily desks and on desks within the day; a desk on option quotes "
            "hedges what was dealt on past days only"
        )
    if isinstance(settings, IntradayDesk) and settings.grid.every_events is not None:
        raise SettingsError(
            f"{desk}: hedge decide works on a grid of seconds: with grid.every_events no clock says when the "
            "next decisions are and when an option ends; set grid.every_seconds"
        )
    load_champions(place.mlruns, settings.name, desk)
    if isinstance(settings, IntradayDesk):
        decision = _within_day(settings, desk, home, force, position, terms)
    else:
        decision = _after_session(settings, desk, home, force, position, terms)
    for order in decision.orders:
        log.info("%s after %s: %s %.4f", order.policy, decision.session, order.side, order.quantity)
    file = log_decision(place.data / "decisions", decision)
    show_decision(decision, file)
    if decision.stale and not allow_stale:
        raise DataError(f"{decision.warnings[0]}, or allow_stale")
    return decision, file


def _within_day(
    settings: IntradayDesk,
    desk: str,
    home: str | None,
    force: bool,
    position: float | None,
    terms: OptionTerms,
) -> Decision:
    held = FLAT if position is None else given_position(position)
    grid = store_of(home).open(features(desk, home, force))["features"]
    return decide_within_day(settings, desk, home_of(home).mlruns, grid, terms, held, pd.Timestamp.now("UTC"))


def _after_session(
    settings: Desk,
    desk: str,
    home: str | None,
    force: bool,
    position: float | None,
    terms: OptionTerms,
) -> Decision:
    held, place = _position(settings, position), home_of(home)
    market = ingest(desk, home, force)
    matrix = features(desk, home, force, market)
    store = store_of(home)
    given = any(part is not None for part in vars(terms).values())
    options = None if given or settings.book.positions is None else load_positions(desk, home, force)
    if options is not None:
        check_none_left_out(store.open(options)["quarantine"])
    return decide_now(
        settings,
        desk,
        place.mlruns,
        store.open(market),
        store.open(matrix)["features"],
        None if options is None else store.open(options)["positions"],
        terms,
        held,
        pd.Timestamp.now("UTC"),
    )


def _position(desk: Desk, given: float | None) -> HedgePosition:
    """Return what is held of the hedge: as given, else as the desk's file says, else nothing."""
    settings = desk.decision
    if given is not None:
        return given_position(given)
    if settings.position_file is None:
        return FLAT
    name = settings.instrument or desk.hedge.instrument
    return read_hedge_position(settings.position_file, name, desk.data.calendar)


def _day(day: datetime | date | None) -> pd.Timestamp | None:
    return None if day is None else pd.Timestamp(day)
