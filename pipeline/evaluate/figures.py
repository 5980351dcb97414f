"""The figures of a run: one function a figure, each from tables to a matplotlib `Figure`."""

from collections.abc import Sequence

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from pipeline.domain.instruments import FloatArray
from pipeline.domain.risk_measures import cvar
from pipeline.evaluate.metrics import BASELINE, BPS_PER_UNIT, TAIL_LEVEL
from pipeline.evaluate.panel import EpisodePanel
from pipeline.evaluate.style import (
    BLUE,
    INK,
    QUIET,
    VERMILION,
    canvas,
    colour_of,
    house_style,
    one_axes,
    regime_colours,
)

SHOWN = ("none", "delta_implied", "whalley_wilmott", "minimum_variance", "regime_switched")
STRESSED = ("delta_implied", "whalley_wilmott", "regime_switched")
UNHEDGED = "none"
AXIS_NAMES = {
    "pnl_sd_bps": "Standard deviation of the P&L (bps of spot)",
    "cvar95_bps": "CVaR95: mean loss in the worst 5 % (bps of spot)",
    "risk_bps": "The desk's own risk (bps of spot)",
}


def pnl_distributions(panel: EpisodePanel, policies: Sequence[str] = SHOWN) -> Figure:
    """Draw the P&L distribution of a few policies, one row each, with its mean and CVaR95."""
    shown = [policy for policy in policies if policy in panel.policies]
    profits = [BPS_PER_UNIT * panel.pnl[panel.row(policy)] for policy in shown]
    hedged = np.concatenate(
        [p for p, name in zip(profits, shown, strict=True) if name != UNHEDGED] or profits
    )
    low, high = np.quantile(hedged, [0.001, 0.999])
    margin = 0.15 * (high - low) or 1.0
    edges = np.linspace(low - margin, high + margin, 71)
    with house_style():
        figure = canvas(9.0, 0.85 * len(shown) + 1.0)
        rows = np.atleast_1d(figure.subplots(len(shown), 1, sharex=True))
        for axes, policy, profit in zip(rows, shown, profits, strict=True):
            _distribution(axes, policy, profit, edges)
        rows[0].set_title("P&L of an episode: vertical line the mean, triangle the CVaR95")
        rows[-1].set_xlabel("P&L (bps of the starting spot); the outer bars hold what lies beyond")
    return figure


def _distribution(axes: Axes, policy: str, profit: FloatArray, edges: FloatArray) -> None:
    inside = np.clip(profit, edges[0], edges[-1])
    colour = colour_of(policy)
    share, _ = np.histogram(inside, edges)
    axes.stairs(share / len(profit), edges, fill=True, color=colour, alpha=0.45)
    axes.stairs(share / len(profit), edges, color=colour, linewidth=1.0)
    axes.axvline(profit.mean(), color=INK, linewidth=1.3)
    tail = -cvar(profit, TAIL_LEVEL).item()
    axes.plot(np.clip(tail, edges[0], edges[-1]), 0, "^", color=INK, markersize=6, clip_on=False, zorder=5)
    axes.set_ylabel(policy, rotation=0, ha="right", va="center")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    axes.set_ylim(bottom=0)


def cost_risk_frontier(comparison: pd.DataFrame, metric: str = "pnl_sd_bps") -> Figure:
    """Draw cost against risk, one labelled point a policy; lower and further left is better.

    Labels stand in a column at the right, each tied to its point, so that any number of policies stays
    readable. The book without a hedge would squeeze all others: it is named in a note instead.
    """
    drawn = comparison.drop(index=UNHEDGED, errors="ignore").sort_values(metric, kind="stable")
    cost, risk = drawn["cost_bps"].to_numpy(), drawn[metric].to_numpy()
    with house_style():
        figure, axes = one_axes(7.4, 4.5)
        colours = [colour_of(str(policy)) for policy in drawn.index]
        axes.vlines(
            cost, drawn[f"{metric}_low"], drawn[f"{metric}_high"], color=colours, alpha=0.25, linewidth=3
        )
        axes.scatter(cost, risk, s=42, c=colours, edgecolors="white", linewidths=0.8, zorder=3)
        axes.set_title("Cost and risk of each hedge; bar: interval of the risk")
        axes.set_xlabel("Trading cost (bps of spot per episode)")
        axes.set_ylabel(AXIS_NAMES[metric])
        axes.margins(x=0.06, y=0.08)
        label_column(axes, [str(policy) for policy in drawn.index], cost, risk, colours)
        if UNHEDGED in comparison.index:
            value = float(comparison[metric].to_dict()[UNHEDGED])
            note = f"not drawn: {UNHEDGED}, cost 0 and {value:.0f} bps"
            axes.text(
                0.99, 0.98, note, transform=axes.transAxes, ha="right", va="top", color=QUIET, fontsize=8.5
            )
    return figure


def label_column(
    axes: Axes, names: Sequence[str], x: FloatArray, y: FloatArray, colours: Sequence[str]
) -> None:
    """Write names in a column at the right of the axes, each tied to its point; `y` ascends."""
    low, high = axes.get_ylim()
    heights = spread((y - low) / (high - low), gap=0.062)
    for name, point_x, point_y, height, colour in zip(names, x, y, heights, colours, strict=True):
        axes.annotate(
            name,
            (point_x, point_y),
            xytext=(1.035, height),
            textcoords="axes fraction",
            va="center",
            fontsize=9,
            color=INK if colour == QUIET else colour,
            arrowprops={"arrowstyle": "-", "color": QUIET, "alpha": 0.55, "linewidth": 0.7, "shrinkB": 4},
            annotation_clip=False,
        )


def spread(heights: FloatArray, gap: float) -> FloatArray:
    """Move ascending label heights apart to at least `gap`, each as near to its own place as that allows.

    Least squares: with u_i = h_i − i · gap the answer is the isotonic regression of u, plus i · gap.

    Examples
    --------
    >>> spread(np.array([0.2, 0.2, 0.9]), gap=0.1).round(2).tolist()
    [0.15, 0.25, 0.9]
    """
    steps = gap * np.arange(len(heights))
    blocks: list[list[float]] = []
    for value in heights - steps:
        blocks.append([float(value), 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            right, left = blocks.pop(), blocks.pop()
            weight = left[1] + right[1]
            blocks.append([(left[0] * left[1] + right[0] * right[1]) / weight, weight])
    placed = np.concatenate([np.full(int(weight), value) for value, weight in blocks]) if blocks else steps
    return np.asarray(placed + steps)


def gain_over_delta(comparison: pd.DataFrame, confidence: float) -> Figure:
    """Draw each hedge's reduction of variance against `delta_implied`, with its interval."""
    drawn = comparison.drop(index=[UNHEDGED, BASELINE], errors="ignore").sort_values("gain_vs_delta")
    gain = 100 * drawn[["gain_vs_delta", "gain_vs_delta_low", "gain_vs_delta_high"]].to_numpy()
    with house_style():
        figure, axes = one_axes(9.0, 0.29 * len(drawn) + 1.3)
        rows = np.arange(len(drawn))
        colours = [BLUE if low > 0 else VERMILION if high < 0 else QUIET for _, low, high in gain]
        axes.axvline(0, color=INK, linewidth=1)
        axes.hlines(rows, gain[:, 1], gain[:, 2], color=colours, linewidth=2.4, alpha=0.55)
        axes.scatter(gain[:, 0], rows, c=colours, s=36, zorder=3)
        axes.set_yticks(rows, labels=[str(policy) for policy in drawn.index])
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(
            f"Variance removed, relative to {BASELINE} (%); line: {100 * confidence:g} % interval"
        )
        axes.set_title("Gain over delta: blue where the interval lies above zero, red below, grey across")
    return figure


def stressed_episode(path: pd.DataFrame, policies: Sequence[str] = STRESSED) -> Figure:
    """Draw spot, no-trade band and position through one stressed episode."""
    shown = [policy for policy in policies if policy in set(path["policy"])]
    with house_style():
        figure = canvas(9.6, 4.4)
        grid = figure.add_gridspec(2, len(shown), height_ratios=[1, 2.1])
        spot = figure.add_subplot(grid[0, :])
        one = path[path["policy"] == shown[0]]
        spot.plot(one["session"], one["spot"], color=INK)
        spot.set_ylabel("Spot\n(start = 100)")
        spot.set_title(f"Episode of {long_date(one['session'].iloc[0])}: spot, no-trade band and position")
        date_axis(spot)
        first: Axes | None = None
        for column, policy in enumerate(shown):
            axes = figure.add_subplot(grid[1, column], sharey=first)
            _band_and_position(axes, path[path["policy"] == policy], policy)
            if first is None:
                axes.set_ylabel("Position (units of the hedge per option)")
            first = first or axes
    return figure


def _band_and_position(axes: Axes, rows: pd.DataFrame, policy: str) -> None:
    colour = colour_of(policy)
    lower, upper = (rows[edge].where(np.isfinite(rows[edge])) for edge in ("lower", "upper"))
    axes.fill_between(rows["session"], lower, upper, step="post", color=colour, alpha=0.25, linewidth=0)
    axes.step(rows["session"], rows["position"], where="post", color=colour, linewidth=1.7)
    trades = int((np.abs(np.diff(rows["position"], prepend=0.0)) > 1e-9).sum())
    axes.set_title(f"{policy}: {trades} trades", color=colour)
    date_axis(axes, most=5)


def regimes_over_price(signals: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Draw the price over a background of the most probable filtered regime."""
    probability = signals[[f"regime_prob_{k}" for k in range(len(names))]].to_numpy()
    regime = probability.argmax(axis=1)
    session = pd.DatetimeIndex(pd.to_datetime(signals["session"]))
    colours = regime_colours(len(names))
    days = mdates.date2num(session)  # type: ignore[no-untyped-call]
    starts = np.flatnonzero(np.diff(regime, prepend=-1))
    ends = np.append(starts[1:], len(regime) - 1)
    with house_style():
        figure, axes = one_axes(9.6, 3.6)
        for start, end in zip(starts, ends, strict=True):
            axes.axvspan(days[start], days[end], color=colours[regime[start]], alpha=0.3, linewidth=0)
        axes.plot(session, signals["close"], color=INK, linewidth=1.1)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.yaxis.set_minor_formatter(lambda value, _: f"{value:,.0f}")
        axes.margins(x=0)
        axes.set_ylabel("Close (index points, log scale)")
        axes.set_title("Most probable regime, filtered: known on the day, never revised")
        patches = [
            Patch(color=colour, alpha=0.4, label=name) for colour, name in zip(colours, names, strict=True)
        ]
        axes.legend(handles=patches, loc="upper left", ncols=len(names))
        date_axis(axes)
    return figure


def forecast_against_realised(signals: pd.DataFrame, sessions: int) -> Figure:
    """Draw forecast against realised volatility over an option's life: in time, and point by point."""
    known = signals.dropna(subset=["forecast_vol", "realised_vol"])
    forecast, realised = 100 * known["forecast_vol"].to_numpy(), 100 * known["realised_vol"].to_numpy()
    with house_style():
        figure = canvas(9.6, 3.7)
        left, right = figure.subplots(1, 2, width_ratios=[1.9, 1])
        left.plot(
            known["session"],
            realised,
            color=QUIET,
            linewidth=1.1,
            label=f"realised, next {sessions} sessions",
        )
        left.plot(known["session"], forecast, color=BLUE, label="forecast made on the day")
        left.set_ylim(bottom=0)
        left.set_ylabel("Volatility (% a year)")
        left.set_title("Volatility over the option's life")
        left.legend(loc="upper left")
        date_axis(left)
        ends = [0.9 * min(forecast.min(), realised.min()), 1.1 * max(forecast.max(), realised.max())]
        right.plot(ends, ends, color=INK, linewidth=1)
        right.scatter(forecast, realised, s=7, color=BLUE, alpha=0.35, linewidths=0)
        right.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
        for axis in (right.xaxis, right.yaxis):
            ticks = [tick for tick in (2, 5, 10, 20, 50, 100) if ends[0] <= tick <= ends[1]]
            axis.set_ticks(ticks, labels=[f"{tick}" for tick in ticks])
            axis.set_ticks([], minor=True)
        right.set_xlabel("Forecast (% a year)")
        right.set_ylabel("Realised (% a year)")
        right.set_title("Point by point")
    return figure


def long_date(day: pd.Timestamp) -> str:
    """Write a date out.

    Examples
    --------
    >>> long_date(pd.Timestamp("2018-02-05"))
    '5 February 2018'
    """
    return f"{day.day} {day:%B %Y}"


def date_axis(axes: Axes, most: int = 8) -> None:
    """Label the days, or the times of one, with as few words as will do, and at `most` so many times."""
    locator = mdates.AutoDateLocator(minticks=3, maxticks=most)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    short = mdates.ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(short)
