"""A decision from the champions: what they were learned on is compared with what they now see."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from pipeline.backtest.stream import stream_signals
from pipeline.domain.desk import Desk
from pipeline.domain.differences import differences
from pipeline.domain.errors import DataError
from pipeline.ingest.calendar import exchange_zone
from pipeline.ingest.factors import as_quoted
from pipeline.ingest.hedge_position import FLAT, HedgePosition, check_current
from pipeline.live.clock import Freshness, freshness
from pipeline.live.decision import Decision, decide
from pipeline.live.open_book import OptionTerms, open_book, single_option
from pipeline.policies.base import Policy
from pipeline.policies.catalogue import BENCHMARK, POLICIES
from pipeline.tracking.champions import Champions, load_champions

NO_MATTER = (
    "name", "description", "policies", "evaluation", "book", "decision", "hedge.multiplier",
    "windows.test_end",
)  # fmt: skip
"""Settings whose change since the champion was made changes no decision."""
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
    signals = stream_signals(champions.signals, bars["close"], matrix)
    if "adjustment" in market:
        bars = as_quoted(bars, market["adjustment"])
    session, close = bars["session"].iloc[-1], float(bars["close"].iloc[-1])
    today = now.tz_convert(exchange_zone(desk.data.calendar)).tz_localize(None).normalize()
    check_current(held, session, today)
    options = single_option(desk, terms, session, close) if positions is None else positions
    book = open_book(desk, bars, signals, options)
    fresh = freshness(session, now, desk.data.calendar)
    warnings = _warnings(desk, named, champions, fresh, int((~known).sum()), book.left_out)
    if held == FLAT:
        warnings.append(NOTHING_SAYS)
    policies: dict[str, Policy] = (
        {} if champions.flagship is None else {champions.flagship.name: champions.flagship}
    )
    policies[BENCHMARK] = POLICIES[BENCHMARK]()
    cards = [asdict(card) for card in champions.cards]
    return decide(desk, book, bars, policies, held, fresh, now, cards, warnings)


def _warnings(
    desk: Desk, named: str, champions: Champions, fresh: Freshness, unknown: int, left_out: int
) -> list[str]:
    found = []
    if fresh.stale:
        found.append(
            f"stale data: the newest session is {fresh.session.date()}, {fresh.behind} sessions behind "
            f"{fresh.expected.date()}: update the data"
        )
    if unknown:
        found.append(f"{unknown} bars are known only after this decision and were not looked at")
    learned = champions.signals.desk
    due = champions.signals.boundary + pd.DateOffset(months=learned.windows.refit_months)
    if fresh.session >= due:
        found.append(
            f"the champion was learned for sessions from {champions.signals.boundary.date()} on, a refit is "
            f"due since {due.date()}: hedge run {named} --latest"
        )
    changed = [
        f"{each.key} {each.first} → {each.second}"
        for each in differences(learned.model_dump(mode="json"), desk.model_dump(mode="json"))
        if not each.key.startswith(NO_MATTER)
    ]
    if changed:
        found.append(
            f"settings changed since the champion was made ({'; '.join(changed)}), it was learned and tuned "
            f"with the old ones: hedge run {named}"
        )
    if champions.flagship is None:
        found.append("the desk does not run regime_switched: add it to policies.run for the flagship's band")
    if left_out:
        found.append(f"{left_out} positions are not held now: expired, or not dealt yet")
    return found
