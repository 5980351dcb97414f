"""The tables of the report that only a run on option chains has."""

import pandas as pd

from pipeline.evaluate.sheets import Cell, Sheet, interval, number, plain_rows

SLOPES = {
    "chain": "regressed on the chain so far",
    "shrunk": "share of the index's slope, shrunk",
    "prior": "the index's slope whole",
    "in_sample": "regressed on the test days (not knowable)",
}


def pooled_sheet(pooled: pd.DataFrame) -> Sheet:
    """Metrics of single options: all, calls and puts."""
    rows, previous = [], ""
    for _, row in pooled.reset_index().iterrows():
        options, policy = str(row["options"]), str(row["policy"])
        shown = (
            Cell(number(float(row["pnl_mean_bps"]), 2)),
            Cell(number(float(row["market_beta"]), 2)),
            Cell(
                number(float(row["pnl_sd_bps"]), 2),
                under=interval(float(row["pnl_sd_bps_low"]), float(row["pnl_sd_bps_high"]), 1),
            ),
            Cell(number(float(row["cvar95_bps"]), 1)),
            Cell(
                number(100 * float(row["gain_vs_delta"]), 0),
                under=interval(
                    100 * float(row["gain_vs_delta_low"]), 100 * float(row["gain_vs_delta_high"]), 0
                ),
            ),
            Cell(number(float(row["cost_bps"]), 2)),
            Cell(number(float(row["trades"]), 2)),
        )
        rows.append((Cell("" if options == previous else options), Cell(policy), *shown))
        previous = options
    lead = (
        "Each option on its own, bps of the forward at its start; intervals of whole start days. Gain: % of "
        "the variance of daily delta that is removed. Cost is that of the hedge; the option's own spread is "
        "in the mean."
    )
    headings = (
        "Options", "Policy", "Mean", "Market beta", "SD", "CVaR95", "Gain, %", "Cost", "Trades",
    )  # fmt: skip
    return Sheet("pooled", "Option by option", lead, headings, tuple(rows), labels=2)


def gain_sheet(table: pd.DataFrame) -> Sheet:
    """What slopes remove from delta's error from day to day."""
    rows, previous = [], ""
    for _, row in table.iterrows():
        options = str(row["options"])
        rows.append(
            (
                Cell("" if options == previous else options),
                Cell(SLOPES[str(row["slope"])]),
                Cell(number(100 * float(row["gain"]), 1)),
                Cell(interval(100 * float(row["low"]), 100 * float(row["high"]), 0)),
                Cell(f"{int(row['pairs']):,}"),
                Cell(f"{int(row['days'])}"),
                Cell(number(100 * float(row["worst_days_share"]), 0)),
            )
        )
        previous = options
    lead = (
        "Every option of the chains with |delta| from .05 to .95 and two weeks or more to expiry, from one "
        "day to the next, mid to mid against the parity forward (Hull and White 2017): % of delta's squared "
        "error removed, slopes learned on the days before. Intervals of whole days."
    )
    headings = (
        "Options", "Slope", "Gain, %", "95 %", "Pairs", "Days", "Share of three worst days, %",
    )  # fmt: skip
    return Sheet("slopes", "Minimum-variance slope", lead, headings, tuple(rows), labels=2)


def frontier_sheet(frontier: pd.DataFrame) -> Sheet:
    """Cost against risk, by the share of vega that a listed option takes away."""
    shown = frontier.assign(share=100 * frontier["share"])
    names = ("share", "options", "pnl_mean_bps", "pnl_sd_bps", "cvar95_bps", "cost_bps")
    formats = [(name, 2 if name.endswith("bps") else 0) for name in names]
    lead = (
        "Delta at implied volatility with the future, and a share of the vega with the call nearest to the "
        "money of the same expiry, bought or sold at its own ask or bid, held, and closed so."
    )
    headings = ("Vega hedged, %", "Options", "Mean, bps", "SD", "CVaR95", "Cost of both hedges")
    return Sheet("vega", "Future and one listed option", lead, headings, plain_rows(shown, formats))


def surface_sheet(surface: pd.DataFrame) -> Sheet:
    """The surface of each day."""
    shown = surface.assign(day=surface["event_time"].dt.strftime("%Y-%m-%d"))
    names = ("atm_vol_30d", "skew_30d", "convexity_30d", "term_slope", "carry_30d", "risk_premium_30d")
    formats = [("day", -1), *((name, 4) for name in names)]
    lead = (
        "From SVI slices at the parity forward: at-the-money volatility, 25-delta put less call, 25-delta "
        "butterfly, 90 less 30 days, basis of the forward a year, implied less forecast variance."
    )
    headings = ("Day", "ATM, 30 days", "Skew", "Convexity", "Term slope", "Basis", "Variance premium")
    return Sheet("surface", "Volatility surface", lead, headings, plain_rows(shown, formats), folded=True)


def held_sheet(held: pd.DataFrame) -> Sheet | None:
    """Rows in quarantine by reason."""
    if held.empty:
        return None
    found = (
        held.groupby("reason", as_index=False)["count"]
        .sum()
        .assign(files=held.groupby("reason").size().to_numpy())
    )
    rows = plain_rows(found, (("reason", -1), ("count", 0), ("files", 0)))
    lead = "Rows of the chains that are in no result, with the reason."
    return Sheet("held", "Quarantine", lead, ("Reason", "Rows", "Files"), rows)


def left_out_sheet(left_out: pd.DataFrame) -> Sheet:
    """Options that were not dealt for their quotes, or could not be closed."""
    rows = plain_rows(left_out, (("reason", -1), ("options", 0)))
    lead = (
        "Options that were not dealt because their quotes could be arbitraged against those of the next "
        "strikes, and options that could not be closed. They are in no result, which flatters it if many are."
    )
    return Sheet("left-out", "Left out", lead, ("Reason", "Options"), rows)
