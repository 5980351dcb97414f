"""The tables and figures of the report that only a run on one contract has."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from pipeline.backtest.contract_explain import PARTS
from pipeline.evaluate.book_sheets import HEADINGS
from pipeline.evaluate.figures import SHOWN, date_axis
from pipeline.evaluate.metrics import BASELINE, BPS_PER_UNIT
from pipeline.evaluate.sheets import Cell, Sheet, number, plain_rows
from pipeline.evaluate.style import BLUE, INK, QUIET, VERMILION, canvas, colour_of, house_style

PATH = (
    ("premium_bps", "Premium", 1),
    ("trading_bps", "+ Trading", 1),
    ("dividends_bps", "+ Dividends", 1),
    ("carry_bps", "+ Interest", 1),
    ("cost_bps", "− Cost", 1),
    ("payoff_bps", "− Payoff", 1),
    ("pnl_bps", "= P&L, bps", 1),
    ("pnl_money", "P&L a share", 2),
    ("pnl_sd_bps", "SD of a day", 1),
    ("worst_day_bps", "Worst day", 0),
    ("max_drawdown_bps", "Max drawdown", 0),
    ("turnover", "Turnover, shares", 2),
    ("trades", "Trades", 0),
)

DAY = (
    ("pnl_mean_bps", "Mean P&L", 2),
    ("market_beta", "Market beta, bps per %", 2),
    ("pnl_sd_bps", "SD", 2),
    ("cvar95_bps", "CVaR95", 1),
    ("risk_bps", "Desk's risk", 2),
    ("cost_bps", "Trading cost", 3),
    ("gain", "Gain over delta, %", 0),
)


def path_sheet(path: pd.DataFrame) -> Sheet:
    """What each policy made of the hedge, from the deal to the end."""
    formats = [("policy", -1), *((name, places) for name, _, places in PATH)]
    lead = (
        "The whole hedge of one option, bps of the share's price at the start. Dividends are those on the "
        "shares that were held over an ex-date; of a share that is delivered only what the "
        "position lacks is traded."
    )
    headings = ("Policy", *(heading for _, heading, _ in PATH))
    return Sheet("path", "From the deal to the end", lead, headings, plain_rows(path.reset_index(), formats))


def day_sheet(comparison: pd.DataFrame) -> Sheet:
    """What a day of the hedge was like under each policy."""
    shown = comparison.assign(gain=100.0 * comparison["gain_vs_delta"]).reset_index()
    formats = [("policy", -1), *((name, places) for name, _, places in DAY)]
    lead = (
        "Averages over the days of this one hedge, bps of the share at the start; gain: % of delta's "
        "variance from day to day that is removed. There are no intervals: days of one option are no "
        "sample of options."
    )
    headings = ("Policy", *(heading for _, heading, _ in DAY))
    return Sheet("days", "A day of the hedge", lead, headings, plain_rows(shown, formats))


def explained_sheet(explained: pd.DataFrame) -> Sheet:
    """What the P&L comes from, and what the Greeks leave."""
    rows = []
    for policy, row in explained.iterrows():
        cells = [Cell(str(policy)), Cell(number(100.0 * float(row["residual_of_options"])))]
        for name in PARTS:
            total = float(row[f"sum_{name}_bps"]) * (-1.0 if name == "cost" else 1.0)
            cells.append(Cell(number(total), number(float(row[f"rms_{name}_bps"]), 2)))
        rows.append(tuple(cells))
    lead = (
        "Sums over the hedge, bps; small print: root mean square of a day. Greeks by finite differences at "
        "the implied volatility of the day; dS with the dividend; Θ is the passing of a session with its "
        "dividend. Residual: in % of the root mean square of the option's own P&L."
    )
    headings = ("Policy", "Residual, %", *(HEADINGS[name] for name in PARTS))
    return Sheet("explained", "P&L explain", lead, headings, tuple(rows))


def checks_sheet(checks: pd.DataFrame) -> Sheet:
    """The evenings on which exercise was considered."""
    shown = checks.assign(
        session=checks["session"].dt.strftime("%Y-%m-%d"),
        ex_date=checks["ex_date"].dt.strftime("%Y-%m-%d"),
        exercised=checks["exercised"].map({True: "yes", False: "no"}),
    )
    formats = [("session", -1), ("ex_date", -1)]
    formats += [(name, 2) for name in ("dividend", "spot", "mid", "value", "time_value")]
    lead = (
        "A holder exercises a call on the evening before an ex-date where the time value of the option on "
        "the share without the dividend is less than the dividend; a put where it is worth no more than "
        "exercise. At the volatility of the day, in money a share."
    )
    headings = (
        "Evening", "Ex-date", "Dividend", "Share", "Option's mid", "Value after", "Time value", "Exercised",
    )  # fmt: skip
    return Sheet(
        "exercise", "Early exercise", lead, headings, plain_rows(shown, [*formats, ("exercised", -1)])
    )


def contract_pnl(days: pd.DataFrame, policies: Sequence[str] = SHOWN) -> Figure:
    """Draw the cumulated P&L of a few policies, marked at the mid."""
    with house_style():
        figure = canvas(9.6, 4.2)
        hedged, bare = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        for policy in [name for name in policies if (days["policy"] == name).any()]:
            own = days[days["policy"] == policy]
            axes = bare if policy == "none" else hedged
            reached = BPS_PER_UNIT * own["pnl"].cumsum()
            axes.plot(own["next_session"], reached, color=colour_of(policy), label=policy)
        hedged.set_title("Cumulated P&L at the mid, after cost (bps of the share at the start)")
        for axes in (hedged, bare):
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc="upper left")
        date_axis(bare)
    return figure


def contract_path(days: pd.DataFrame, checks: pd.DataFrame, strike: float) -> Figure:
    """Draw the share with strike and ex-dates, its implied volatility, and the hedge of two policies."""
    one = days[days["policy"] == BASELINE]
    with house_style():
        figure = canvas(9.6, 6.0)
        share, vol, held = figure.subplots(3, 1, sharex=True, height_ratios=[2, 1, 2])
        share.plot(one["session"], one["spot"], color=INK)
        share.axhline(strike, color=VERMILION, linewidth=0.9, label="strike")
        for k, ex in enumerate(checks["ex_date"]):
            share.axvline(ex, color=QUIET, linewidth=0.8, linestyle=":", label="ex-date" if k == 0 else None)
        share.set_title("Share, as quoted")
        share.legend(loc="upper right")
        vol.plot(one["session"], 100.0 * one["implied_vol"], color=BLUE)
        vol.set_title("Implied volatility at the mid (%)")
        for policy in (BASELINE, "whalley_wilmott", "regime_switched"):
            own = days[days["policy"] == policy]
            if len(own):
                held.step(
                    own["session"], own["position"], where="post", color=colour_of(policy), label=policy
                )
        held.set_title("Shares held")
        held.legend(loc="lower left")
        date_axis(held)
    return figure
