"""The figures of the book view: P&L and drawdown, net Greeks, and the days of stress."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from pipeline.domain.desk import Desk
from pipeline.evaluate.book import STRESSED, Replay
from pipeline.evaluate.figures import date_axis
from pipeline.evaluate.metrics import BPS_PER_UNIT
from pipeline.evaluate.style import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    QUIET,
    VERMILION,
    canvas,
    colour_of,
    house_style,
    regime_colours,
)

SHOWN = ("delta_implied", "minimum_variance", "regime_switched")
GREEKS = (
    ("delta", "Net delta (bps for 1 % of spot)"),
    ("gamma", "Gamma (bps of delta for 1 %)"),
    ("vega", "Vega (bps for one point)"),
    ("theta", "Theta (bps a day)"),
)
PARTS = {
    "(δ − Δ) dS": (("from_delta",), BLUE),
    "gamma and theta": (("from_gamma", "from_theta"), GREEN),
    "vega, vanna, volga": (("from_vega", "from_vanna", "from_volga"), ORANGE),
    "carry, deals, cost": (("carry", "dealt", "cost"), PURPLE),
    "residual": (("residual",), QUIET),
}
"""Components of the P&L that are drawn together."""


def book_pnl(book: pd.DataFrame, policies: Sequence[str] = SHOWN) -> Figure:
    """Draw the cumulated P&L of the net position, and how far it lies below what it had reached."""
    with house_style():
        figure = canvas(9.6, 4.6)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        for policy, days in _of(book, policies):
            reached = BPS_PER_UNIT * days["pnl"].cumsum().to_numpy()
            peak = np.maximum(np.maximum.accumulate(reached), 0.0)
            above.plot(days["next_session"], reached, color=colour_of(policy), label=policy)
            below.plot(days["next_session"], reached - peak, color=colour_of(policy), linewidth=1.1)
        above.set_ylabel("Cumulated P&L (bps)")
        above.set_title("The book's P&L, after cost")
        above.legend(loc="upper left")
        below.set_ylabel("Drawdown (bps)")
        date_axis(below)
    return figure


def book_greeks(book: pd.DataFrame, policies: Sequence[str] = SHOWN) -> Figure:
    """Draw the net Greeks of options and hedge; all but delta are the options' own, whoever hedges them."""
    with house_style():
        figure = canvas(9.6, 4.8)
        panels = figure.subplots(2, 2, sharex=True).ravel()
        for axes, (greek, title) in zip(panels, GREEKS, strict=True):
            for policy, days in _of(book, policies if greek == "delta" else policies[:1]):
                colour = colour_of(policy) if greek == "delta" else INK
                values = BPS_PER_UNIT * days[greek]
                axes.plot(days["session"], values, color=colour, linewidth=0.9, label=policy)
            axes.axhline(0.0, color=QUIET, linewidth=0.7)
            axes.set_title(title)
            date_axis(axes)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(handles))
        panels[0].set_ylabel("bps")
        panels[2].set_ylabel("bps")
    return figure


def replay_figure(days: pd.DataFrame, signals: pd.DataFrame, names: Sequence[str], title: str) -> Figure:
    """Draw a stretch of days: market and regimes, bands and positions, P&L, cost, and what explains it."""
    shown = _of(days, STRESSED)
    first, last = days["session"].min(), days["next_session"].max()
    market = signals[pd.to_datetime(signals["session"]).between(first, last)]
    with house_style():
        figure = canvas(9.8, 8.6)
        parts = figure.subfigures(4, 1, squeeze=False, height_ratios=[1.0, 1.15, 1.1, 1.3])
        top, held, sums, explained = parts[:, 0]
        left, right = top.subplots(1, 2)
        _market(left, market, title)
        _regimes(right, market, names)
        bands = _row(held, len(shown))
        for axes, (policy, own) in zip(bands, shown, strict=True):
            _band(axes, policy, own)
        bands[0].set_ylabel("Position (units)")
        left, right = sums.subplots(1, 2)
        _lines(left, shown, "pnl", "P&L since the start (bps)")
        _lines(right, shown, "cost", "Cost since the start (bps)", legend=True)
        bars = _row(explained, len(shown))
        for axes, (policy, own) in zip(bars, shown, strict=True):
            _components(axes, policy, own)
        bars[0].set_ylabel("P&L of a day (bps)")
        handles = bars[0].get_legend_handles_labels()
        explained.legend(*handles, loc="outside lower center", ncols=len(PARTS) + 1)
    return figure


def all_book_figures(
    tables: Mapping[str, pd.DataFrame], desk: Desk, replays: Sequence[Replay]
) -> dict[str, Figure]:
    """Draw every figure of the book view, by file name without its ending."""
    drawn = {"book_pnl": book_pnl(tables["book"]), "book_greeks": book_greeks(tables["book"])}
    for replay in replays:
        for part, days in (("book", replay.book), ("episode", replay.episode)):
            if not days.empty:
                what = "the book" if part == "book" else "the worst episode"
                name = stress_anchor(replay.window.name, part)
                title = f"{replay.window.name}, {what}"
                drawn[name] = replay_figure(days, tables["signals"], desk.regimes.names, title)
    return drawn


def stress_anchor(window: str, part: str = "") -> str:
    """Return the name of a window of stress as part of a page and of a file.

    Examples
    --------
    >>> stress_anchor("2018-02-05", "book"), stress_anchor("Black Monday, 1987")
    ('stress-2018-02-05-book', 'stress-black-monday--1987')
    """
    safe = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in window.lower())
    return f"stress-{safe}-{part}" if part else f"stress-{safe}"


def _of(days: pd.DataFrame, policies: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    known = set(days["policy"])
    return [(policy, days[days["policy"] == policy]) for policy in policies if policy in known]


def _row(figure: SubFigure, count: int) -> list[Axes]:
    return list(np.atleast_1d(figure.subplots(1, count, sharey=True)))


def _market(axes: Axes, market: pd.DataFrame, title: str) -> None:
    axes.plot(market["session"], market["close"], color=INK)
    axes.set_ylabel("Close")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_title(title)
    other = axes.twinx()
    other.plot(market["session"], 100.0 * market["implied_vol"], color=VERMILION, linewidth=1.1)
    other.set_ylabel("Volatility (%)", color=VERMILION)
    other.grid(visible=False)
    other.spines["right"].set_visible(False)
    date_axis(axes)


def _regimes(axes: Axes, market: pd.DataFrame, names: Sequence[str]) -> None:
    probability = market[[f"regime_prob_{k}" for k in range(len(names))]].to_numpy(float).T
    colours = regime_colours(len(names))
    axes.stackplot(market["session"], probability, colors=colours, alpha=0.55, labels=names, linewidth=0)
    axes.set_ylim(0.0, 1.0)
    axes.margins(x=0)
    axes.set_title("Filtered regime probabilities")
    axes.legend(loc="upper left", ncols=len(names), fontsize=8, frameon=True, framealpha=0.8)
    date_axis(axes)


def _band(axes: Axes, policy: str, own: pd.DataFrame) -> None:
    colour = colour_of(policy)
    lower, upper = (own[edge].where(np.isfinite(own[edge])) for edge in ("lower", "upper"))
    axes.fill_between(own["session"], lower, upper, step="post", color=colour, alpha=0.28, linewidth=0)
    axes.step(own["session"], own["position"], where="post", color=colour, linewidth=1.5)
    axes.set_title(policy.replace("regime_switched_no_", "no "), color=colour, fontsize=9.5)
    _sparse(axes, own["session"])


def _lines(
    axes: Axes, shown: Sequence[tuple[str, pd.DataFrame]], column: str, title: str, legend: bool = False
) -> None:
    for policy, own in shown:
        days = [own["session"].iloc[0], *own["next_session"]]
        total = [0.0, *BPS_PER_UNIT * own[column].cumsum()]
        style = "--" if policy.endswith("no_regimes") else "-"
        axes.plot(days, total, style, color=colour_of(policy), label=policy)
    axes.set_title(title)
    axes.set_ylabel("bps")
    if legend:
        axes.legend(loc="upper left", fontsize=8)
    date_axis(axes)


def _components(axes: Axes, policy: str, own: pd.DataFrame) -> None:
    days = own["next_session"].to_numpy()
    axes.use_sticky_edges = False
    above, below = np.zeros(len(own)), np.zeros(len(own))
    for label, (columns, colour) in PARTS.items():
        signed = own[list(columns)].mul([-1.0 if name == "cost" else 1.0 for name in columns])
        size = BPS_PER_UNIT * signed.sum(axis=1).to_numpy()
        base = np.where(size >= 0.0, above, below)
        axes.bar(days, size, bottom=base, width=0.8, color=colour, label=label, linewidth=0)
        above, below = above + np.maximum(size, 0.0), below + np.minimum(size, 0.0)
    axes.plot(days, BPS_PER_UNIT * own["pnl"], "o", color=INK, markersize=2.5, label="P&L")
    axes.set_title(policy.replace("regime_switched_no_", "no "), color=colour_of(policy), fontsize=9.5)
    _sparse(axes, own["next_session"])


def _sparse(axes: Axes, days: "pd.Series[pd.Timestamp]") -> None:
    """Label three days: near the start, in the middle, and near the end."""
    shown = [days.iloc[round(share * (len(days) - 1))] for share in (0.1, 0.5, 0.9)]
    places = mdates.date2num(shown)  # type: ignore[no-untyped-call]
    axes.set_xticks(places, [f"{day.day} {day:%b}" for day in shown], fontsize=8)
