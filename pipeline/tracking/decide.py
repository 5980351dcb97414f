"""A decision from the champions: what they were learned on is compared with what they now see."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from pipeline.backtest.intraday_stream import FittedIntraday, stream_intraday
from pipeline.backtest.stream import FittedSignals, stream_signals
from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import AnyDesk
from pipeline.domain.differences import differences
from pipeline.domain.errors import DataError, StoreError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.ingest.calendar import exchange_zone
from pipeline.ingest.factors import as_quoted
from pipeline.ingest.hedge_position import FLAT, HedgePosition, check_current
from pipeline.live.clock import Freshness, freshness
from pipeline.live.decision import Decision, decide
from pipeline.live.intraday_decision import decide_intraday, freshness_of, newest_decision
from pipeline.live.open_book import OptionTerms, open_book, single_option
from pipeline.policies.base import Policy
from pipeline.policies.catalogue import BENCHMARK, POLICIES
from pipeline.tracking.champions import Champions, load_champions
from pipeline.tracking.learned_hedgers import learned_hedgers

NO_MATTER = (
    "name", "description", "policies", "evaluation", "book", "decision", "overlay", "orders", "gateway",
    "hedge.multiplier", "windows.test_end", "data.folder", "hedge.latency", "costs.crossing", "own_costs",
    "promotion",
)  # fmt: skip
"""Settings whose change since the champion was made changes no decision."""
NO_FLAGSHIP = "the desk does not run regime_switched: add it to policies.run for the flagship's band"
OTHER_KIND = "the champion of desk {desk} is of a desk of another kind: hedge run {named} makes a new one"
NOTHING_SAYS = (
    "nothing of the hedge is assumed to be held: say what is with --position, or keep it in a file, "
    "decision.position_file"
)


def decide_now(
    desk: Desk,
    named: str,
    mlruns: Path,
    market: Mapping[str, pd.DataFrame],
    features: pd.DataFrame,
    positions: pd.DataFrame | None,
    terms: OptionTerms,
    held: HedgePosition,
    now: pd.Timestamp,
) -> Decision:
    """Return the decision after the newest session that is known at `now`.

    Parameters
    ----------
    desk, named : settings, and what the user calls the desk, for messages that name a command.
    mlruns : where the champions are registered.
    market, features : tables of the desk's data; rows that are known only after `now` are not looked at.
    positions : what the desk holds; None hedges one option, `terms`.
    held : units of the hedge instrument held now, and who says so.

    Raises
    ------
    StoreError
        The desk has no champion.
    DataError, PolicyError
        The data or the state allow no decision; the message says why.
    """
    champions = load_champions(mlruns, desk.name, named)
    known = (market["bars"]["known_time"] <= now).to_numpy()
    bars, matrix = market["bars"][known], features[(features["known_time"] <= now).to_numpy()]
    if bars.empty:
        raise DataError(f"the data hold nothing that is known at {now}")
    fitted = champions.signals
    if not isinstance(fitted, FittedSignals):
        raise StoreError(OTHER_KIND.format(desk=desk.name, named=named))
    signals = stream_signals(fitted, bars["close"], matrix)
    if "adjustment" in market:
        bars = as_quoted(bars, market["adjustment"])
    session, close = bars["session"].iloc[-1], float(bars["close"].iloc[-1])
    today = now.tz_convert(exchange_zone(desk.data.calendar)).tz_localize(None).normalize()
    check_current(held, session, today)
    options = single_option(desk, terms, session, close) if positions is None else positions
    book = open_book(desk, bars, signals, options)
    fresh = freshness(session, now, desk.data.calendar)
    warnings = _warnings(desk, named, fitted, fresh, int((~known).sum()), book.left_out)
    if champions.fitted is None:
        warnings.append(NO_FLAGSHIP)
    if held == FLAT:
        warnings.append(NOTHING_SAYS)
    learned, left_out = learned_hedgers(mlruns, desk)
    cards = [asdict(card) for card in champions.cards]
    hedgers = _hedgers(champions) | learned
    return decide(desk, book, bars, hedgers, held, fresh, now, cards, warnings + left_out)


def decide_within_day(
    desk: IntradayDesk,
    named: str,
    mlruns: Path,
    features: pd.DataFrame,
    terms: OptionTerms,
    held: HedgePosition,
    now: pd.Timestamp,
) -> Decision:
    """Return the decision of a desk within the day at the newest decision that the data know until `now`.

    Parameters
    ----------
    desk, named, mlruns, terms, held : as of `decide_now`; the position is in units of the underlying.
    features : the decision grid of the data.

    Raises
    ------
    StoreError
        The desk has no champion.
    DataError, PolicyError
        The data or the option allow no decision; the message says why.
    """
    champions = load_champions(mlruns, desk.name, named)
    fitted = champions.signals
    if not isinstance(fitted, FittedIntraday):
        raise StoreError(OTHER_KIND.format(desk=desk.name, named=named))
    if champions.fitted is None or champions.terms is None:
        raise StoreError(f"desk {desk.name}: {NO_FLAGSHIP}, then hedge run {named}")
    signals = stream_intraday(fitted, features)
    row = newest_decision(signals, now)
    fresh = freshness_of(desk, signals["time"].iloc[row], now)
    warnings = []
    if fresh.stale:
        warnings.append(
            f"stale data: the newest decision that the data know is {fresh.session:%Y-%m-%d %H:%M:%S} UTC, "
            f"{fresh.behind:,} intervals ago: update the data"
        )
    warnings += _changed(fitted.desk, desk, named)
    desk = champions.costs.applied(desk)
    if held == FLAT:
        warnings.append("nothing of the underlying is assumed to be held: say what is with --position")
    learned, left_out = learned_hedgers(mlruns, desk)
    cards = [asdict(card) for card in champions.cards]
    hedgers, cost = _hedgers(champions) | learned, champions.terms["desk_cost"]
    said = warnings + left_out
    return decide_intraday(desk, signals, row, terms, cost, hedgers, held, fresh, now, cards, said)


def _hedgers(champions: Champions) -> dict[str, Policy]:
    flagship = champions.fitted
    found: dict[str, Policy] = {} if flagship is None else {flagship.name: flagship}
    return found | {BENCHMARK: POLICIES[BENCHMARK]()}


def _warnings(
    desk: Desk, named: str, fitted: FittedSignals, fresh: Freshness, unknown: int, left_out: int
) -> list[str]:
    found = []
    if fresh.stale:
        found.append(
            f"stale data: the newest session is {fresh.session.date()}, {fresh.behind} sessions behind "
            f"{fresh.expected.date()}: update the data"
        )
    if unknown:
        found.append(f"{unknown} bars are known only after this decision and were not looked at")
    learned = fitted.desk
    due = fitted.boundary + pd.DateOffset(months=learned.windows.refit_months)
    if fresh.session >= due:
        found.append(
            f"the champion was learned for sessions from {fitted.boundary.date()} on, a refit is "
            f"due since {due.date()}: hedge run {named} --latest"
        )
    found += _changed(learned, desk, named)
    if left_out:
        found.append(f"{left_out} positions are not held now: expired, or not dealt yet")
    return found


def _changed(learned: AnyDesk, desk: AnyDesk, named: str) -> list[str]:
    changed = [
        f"{each.key} {each.first} → {each.second}"
        for each in differences(learned.model_dump(mode="json"), desk.model_dump(mode="json"))
        if not each.key.startswith(NO_MATTER)
    ]
    if not changed:
        return []
    return [
        f"settings changed since the champion was made ({'; '.join(changed)}), it was learned and tuned "
        f"with the old ones: hedge run {named}"
    ]
