"""The table of the report that sets the regime detectors side by side."""

import pandas as pd

from pipeline.evaluate.comparison import rows_of
from pipeline.evaluate.evaluate import Evaluation
from pipeline.evaluate.sheets import TESTED_COLUMNS, Cell, Sheet, interval, number

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


def detector_value_sheet(evaluation: Evaluation) -> Sheet | None:
    """What the flagship makes of each detector's regimes, beside what it makes of none."""
    tests = evaluation.detectors
    if tests.empty:
        return None
    rows = []
    for detector, group in tests.groupby("policy", sort=False):
        by_metric = {
            test.metric: (test, level) for test, level in zip(rows_of(group), group["level"], strict=True)
        }
        cells = [Cell(str(detector), "this desk's" if detector == evaluation.desk.regimes.detector else "")]
        for column in TESTED_COLUMNS:
            test, level = by_metric[column.metric]
            change = f"{number(test.difference, 2, sign=True)} ({interval(test.low, test.high, 2)})"
            cells.append(Cell(number(level, column.decimals), change))
        rows.append(tuple(cells))
    lead = (
        "The flagship in the test years, fitted and tuned on the regimes of each detector, all else alike; "
        "below each figure the change from the same policy without regimes, with its interval."
    )
    headings = ("Regimes of", *(column.heading for column in TESTED_COLUMNS))
    return Sheet(
        "detector-value", "What each detector's regimes are worth to the hedge", lead, headings, tuple(rows)
    )


def _row(row: pd.Series, least: pd.Series) -> tuple[Cell, ...]:
    cells = [Cell(str(row["detector"]), "this desk's" if row["own"] else "")]
    for name, decimals, factor in FORMATS:
        best = name in LOWEST and row[name] == least[name]
        text = number(factor * float(row[name]), decimals)
        cells.append(Cell(text, tone="best" if best else ""))
    return tuple(cells)
