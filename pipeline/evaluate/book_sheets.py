"""The tables of the report about the book, what explains its P&L, and the days of stress."""

import numpy as np
import pandas as pd

from pipeline.backtest.attribution import COMPONENTS
from pipeline.domain.desk import Desk
from pipeline.evaluate.book import Replay, max_drawdown
from pipeline.evaluate.evaluate import Evaluation
from pipeline.evaluate.metrics import BPS_PER_UNIT
from pipeline.evaluate.sheets import Cell, Column, Sheet, Tone, number

COLUMNS = (
    Column("pnl_bps", "P&L, bps", 0),
    Column("pnl_sd_bps", "SD of a day, bps"),
    Column("worst_day_bps", "Worst day, bps", 0),
    Column("max_drawdown_bps", "Max drawdown, bps", 0),
    Column("peak_capital_bps", "Peak capital, bps", 0),
    Column("mean_capital_bps", "Mean capital, bps", 0),
    Column("cost_bps", "Trading cost, bps"),
    Column("turnover", "Turnover, units"),
    Column("trades", "Trades", 0),
)
HEADINGS = {
    "from_delta": "(δ − Δ) dS",
    "from_gamma": "½ Γ dS²",
    "from_theta": "Θ dt",
    "from_vega": "ν dσ",
    "from_vanna": "Vanna",
    "from_volga": "Volga",
    "carry": "Carry",
    "dealt": "New deals",
    "cost": "Cost",
    "residual": "Residual",
}
ZONES: dict[str, Tone] = {"green": "good", "amber": "", "red": "bad"}
VIEWS = {"book": "The book, day by day", "episodes": "Episodes, day by day"}


def book_sheet(evaluation: Evaluation) -> Sheet:
    """What each policy made of the net position, how far it fell and what it tied up."""
    days = evaluation.tables["book"]
    rows = tuple(
        (
            Cell(str(policy)),
            *(Cell(number(float(row[column.metric]), column.decimals)) for column in COLUMNS),
        )
        for policy, row in evaluation.book.iterrows()
    )
    lead = (
        f"{book_in_words(evaluation.desk, days)} hedged as one net position along one path, {_span(days)}, "
        "by each policy as fitted before the window of the day. bps are of the first session's spot: one "
        f"option is on 10,000 of them{_in_money(evaluation)}. Capital is {_margin(evaluation.desk)} plus the "
        "absolute value of the options: what those bought have cost, or what buying back those sold would."
    )
    return Sheet("book-policies", "The net position", lead, _headings(), rows)


def explain_sheet(evaluation: Evaluation, view: str) -> Sheet:
    """What a day's P&L comes from, the residual's share, and the two tests of the attribution rule."""
    explained = evaluation.tables["explained"]
    explained = explained[explained["view"] == view]
    shown = [name for name in COMPONENTS if (explained[f"rms_{name}"] > 0.0).any()]
    rows = []
    for _, row in explained.iterrows():
        cells = [_explained(row, name) for name in ("pnl", *shown)]
        shares = [number(100.0 * float(row[f"residual_of_{part}"])) for part in ("options", "hedged")]
        tests = (
            Cell(str(row["zone"]), tone=ZONES[str(row["zone"])]),
            Cell(number(float(row["spearman"]), 3)),
            Cell(number(float(row["ks"]), 3)),
        )
        rows.append((Cell(str(row["policy"])), *tests, *map(Cell, shares), *cells))
    tested = int(explained["tested_days"].max())
    lead = (
        "Root mean square of a day, bps; small print: its mean. Marks are at the implied volatility known on "
        "the day. Residual: what the Greeks leave, in % of the root mean square of the options' own P&L and "
        "of the hedged P&L, both by full revaluation. Spearman's correlation and Kolmogorov and Smirnov's "
        f"distance set what the Greeks explain against full revaluation over {_tested_on(view, tested)}, as "
        "the trading-book rule MAR32 does: green above 0.80 and below 0.09, red below 0.70 or above 0.12."
    )
    names = (HEADINGS[name] for name in shown)
    judged = ("Zone", "Spearman", "K–S", "Residual, % of options", "Residual, % of hedged")
    headings = ("Policy", *judged, "P&L", *names)
    return Sheet(
        f"explained-{view}",
        f"P&L explain: {VIEWS[view].lower()}",
        lead,
        headings,
        tuple(rows),
        folded=view == "episodes",
    )


def replay_sheet(replay: Replay, anchor: str, of: str) -> Sheet | None:
    """What each policy made of a window of stress, in parts; None where it was not tested."""
    days = replay.book if of == "book" else replay.episode
    if days.empty:
        return None
    shown = [name for name in COMPONENTS if (days[name] != 0.0).any()]
    rows = []
    for policy, own in days.groupby("policy", sort=False):
        worst = int(own["pnl"].to_numpy(float).argmin())
        sums = {name: BPS_PER_UNIT * float(own[name].sum()) for name in ("pnl", *shown)}
        signed = [-total if name == "cost" else total for name, total in sums.items()]
        rows.append(
            (
                Cell(str(policy)),
                *(Cell(number(total)) for total in signed),
                Cell(number(BPS_PER_UNIT * own["pnl"].iloc[worst]), _day(own["next_session"].iloc[worst])),
                Cell(number(BPS_PER_UNIT * max_drawdown(own["pnl"].to_numpy(float)))),
                Cell(number(float(own["trades"].sum()), 0)),
            )
        )
    headings = (
        "Policy", "P&L, bps", *(HEADINGS[name] for name in shown), "Worst day", "Max drawdown", "Trades",
    )  # fmt: skip
    span = _span(days)
    lead, title = (
        (f"The days that closed {span}: sums in bps of the book's first spot.", "The book")
        if of == "book"
        else (
            f"Of the episodes alive in the window the one on which delta_implied lost most, its whole life: "
            f"{span}, sums in bps of its starting spot.",
            "The worst episode",
        )
    )
    return Sheet(f"{anchor}-{of}-table", title, lead, headings, tuple(rows))


def untested(replay: Replay, book: pd.DataFrame) -> str:
    """Return the line that says why a window of stress is not replayed."""
    window = pd.Timestamp(replay.window.start), pd.Timestamp(replay.window.end)
    return (
        f"{_day(window[0])} to {_day(window[1])} does not lie inside the tested sessions, {_span(book)}. "
        "On other days it is not replayed, for only there the hedgers and their signals were fitted on what "
        "came before."
    )


def book_in_words(desk: Desk, days: pd.DataFrame) -> str:
    """Say what the book holds."""
    most = int(days["options"].max())
    at_once = f"up to {most} option{'s' * (most > 1)} at once"
    if desk.book.positions is not None:
        return f"The positions of {desk.book.positions.named}, {at_once},"
    option = desk.option
    every = "session" if option.start_every == 1 else f"{option.start_every}th session"
    return (
        f"The desk's rolling programme ({option.side} {option.kind}, {option.sessions} sessions, a new one "
        f"every {every} on the same money; {at_once})"
    )


def _in_money(evaluation: Evaluation) -> str:
    """Say what the bps of a user's positions are in the money of the bars."""
    if evaluation.desk.book.positions is None:
        return ""
    signals = evaluation.tables["signals"]
    first = signals.loc[signals["session"] == evaluation.tables["book"]["session"].min(), "close"]
    return f", or {number(float(first.iloc[0]), 2)} in the money of the bars"


def _margin(desk: Desk) -> str:
    if desk.hedge.instrument == "spot":
        return "the value of the shares"
    return f"a margin of {100.0 * desk.book.margin_rate:g} % of the futures' value"


def _tested_on(view: str, days: int) -> str:
    if view == "book":
        return f"the last {days} days"
    return f"all {days:,} days of all episodes, which overlap"


def _explained(row: "pd.Series[float]", name: str) -> Cell:
    size, mean = (BPS_PER_UNIT * float(row[f"{kind}_{name}"]) for kind in ("rms", "mean"))
    places = 1 if size >= 1.0 else 2
    return Cell(number(size, places), number(-mean if name == "cost" else mean, places, sign=True))


def _headings() -> tuple[str, ...]:
    return ("Policy", *(column.heading for column in COLUMNS))


def _span(days: pd.DataFrame) -> str:
    return f"{_day(days['session'].min())} to {_day(days['next_session'].max())}"


def _day(day: pd.Timestamp | np.datetime64) -> str:
    moment = pd.Timestamp(day)
    return f"{moment.day} {moment:%B %Y}"
