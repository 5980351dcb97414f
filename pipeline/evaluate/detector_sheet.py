"""The table of the report that sets the regime detectors side by side."""

import pandas as pd

from pipeline.evaluate.evaluate import Evaluation
from pipeline.evaluate.sheets import Cell, Sheet, number

FORMATS = (
    ("mean_stay", 1, 1.0),
    ("switches_a_year", 1, 1.0),
    ("qlike_5", 3, 1.0),
    ("qlike_21", 3, 1.0),
    ("median_lag", 0, 1.0),
    ("missed", 0, 100.0),
    ("false_alarms_a_year", 1, 1.0),
    ("fit_seconds", 2, 1.0),
)
LOWEST = ("qlike_5", "qlike_21")
HEADINGS = (
    "Detector",
    "Mean stay, sessions",
    "Switches a year",
    "QLIKE, 5 sessions",
    "QLIKE, 21 sessions",
    "Lag, sessions",
    "Missed, %",
    "False alarms a year",
    "Seconds to fit",
)


def detector_sheet(evaluation: Evaluation) -> Sheet:
    """Persistence, forecast, detection and cost of every detector; the lowest QLIKE stands out."""
    table, desk = evaluation.tables["detectors"], evaluation.desk
    least = table[list(LOWEST)].min()
    rows = tuple(_row(row, least) for _, row in table.iterrows())
    lead = (
        f"From {desk.windows.signals_start} until {desk.windows.test_start}, {desk.regimes.states} regimes "
        f"on {', '.join(desk.regimes.features)} by each detector, refitted once a year and filtered forward; "
        "QLIKE of the variance that its regimes expect. Lag, misses and false alarms come from simulated "
        "paths with the parameters of the desk's own detector, after each detector was fitted on ten "
        "simulated years: the median number of sessions from the close of the first session in a new regime "
        "until its probability exceeds one half, the share of regimes that ended before, and how often a "
        "wrong one rises above one half. A lag of 0 beside many false alarms is noise, not speed."
    )
    return Sheet("detectors", "Regime detectors side by side", lead, HEADINGS, rows)


def _row(row: pd.Series, least: pd.Series) -> tuple[Cell, ...]:
    cells = [Cell(str(row["detector"]), "this desk's" if row["own"] else "")]
    for name, decimals, factor in FORMATS:
        best = name in LOWEST and row[name] == least[name]
        text = number(factor * float(row[name]), decimals)
        cells.append(Cell(text, tone="best" if best else ""))
    return tuple(cells)
