"""The tables of the report about what was learned: forecasts, events, regimes, tuning."""

from typing import Any

import pandas as pd

from pipeline.evaluate.judged import Judged
from pipeline.evaluate.sheets import Cell, Sheet, number, plain_rows, probability
from pipeline.forecasts.catalogue import MEASURED_FORECASTERS
from pipeline.forecasts.confidence_set import SIZE
from pipeline.regimes.describe import switches_a_year

SPARED = {"_no_implied": "implied volatility", "_no_further": "the desk's forecasts.further"}
"""What models do not see, by the ending of their names."""
EVENTS = (
    "Probability of a volatility spike and of a liquidity gap in the next session. A skill above zero "
    "beats the frequency in the training rows; average precision is to be read against the base rate."
)
"""What an event is from session to session."""


def forecast_sheet(evaluation: Judged, unit: str = "session") -> Sheet:
    """Scores of every forecaster; the lowest QLIKE of each target and horizon stands out."""
    scores = evaluation.tables["scores"]
    best = scores.groupby(["target", "horizon"])["qlike"].transform("min")
    rows, previous = [], None
    for (_, row), lowest in zip(scores.iterrows(), best, strict=True):
        group = (row["target"], row["horizon"])
        head = Cell(_headed(row, unit) if group != previous else "")
        previous = group
        rows.append(
            (
                head,
                Cell(str(row["model"])),
                Cell(number(float(row["qlike"]), 4), tone="best" if row["qlike"] == lowest else ""),
                Cell(f"{float(row['mse']):.2e}"),
                Cell(probability(float(row["dm_p"]))),
                Cell(probability(float(row["dm_p_log_har"]))),
                Cell(probability(float(row["dm_p_log_linear"]))),
                Cell(probability(float(row["mcs_p"])), tone="best" if row["mcs_p"] >= SIZE else ""),
                Cell(number(float(row["n"]), 0)),
            )
        )
    lead = (
        f"Out of sample; the lowest QLIKE in bold. {_given(evaluation, '')}. "
        + _own_share(scores, "lightgbm", "The trees alone change")
        + _own_share(scores, "lstm", "The networks alone change")
        + _of_implied(scores)
        + "Diebold and Mariano's p tests equal QLIKE with HAR, with "
        "log-HAR and with the log-linear model that the trees start from (for lightgbm a test of the trees' "
        "own share), with lags for the overlap of the horizon and the small-sample correction. The training "
        "windows expand, so for nested models the p is a guide. The confidence set holds the best model with "
        "90 %: its members, from p = 0.1 on, are in bold. " + _of_measures(scores)
    )
    tests = ("p, HAR", "p, log-HAR", "p, log-linear", "p, confidence set")
    headings = ("Target", "Model", "QLIKE", "MSE", *tests, "n")
    return Sheet("forecasts", "Forecasts", lead, headings, tuple(rows), labels=2)


def _given(evaluation: Judged, ending: str) -> str:
    """Say which forecasts, or their intervals, the hedgers are given."""
    chosen = evaluation.desk.forecasts.chosen
    others = "" if chosen == "lightgbm" else f" of variances, lightgbm{ending} of all else"
    return f"Hedgers are given {chosen}{ending}{others}"


def _own_share(scores: pd.DataFrame, model: str, lead: str) -> str:
    """Say how far a model moves the QLIKE of the linear model that it starts from, target by target."""
    losses = scores.pivot_table(index=["target", "horizon"], columns="model", values="qlike", sort=False)
    if not {"log_linear", model} <= set(losses):
        return ""
    change = (100.0 * (losses[model] / losses["log_linear"] - 1.0)).dropna()
    parts = (f"{each:+.1f} %".replace("-", "−") for each in change)
    return f"{lead} the QLIKE of log_linear, their start, by {', '.join(parts)}, in this order. "


def _of_implied(scores: pd.DataFrame) -> str:
    """Say what stands without implied volatility or further inputs, where something does."""
    return "".join(
        f"What ends in {ending} is the same model without {spared}. "
        for ending, spared in SPARED.items()
        if scores["model"].str.endswith(ending).any()
    )


def _of_measures(scores: pd.DataFrame) -> str:
    """Say which models are made of realised measures, or what it takes to have some."""
    if found := [name for name in MEASURED_FORECASTERS if (scores["model"] == name).any()]:
        return (
            "The desk's realised measures are the levels of every variance model but garch and gjr; "
            f"{', '.join(found)} see nothing else. The target is close-to-close variance throughout."
        )
    return (
        "Models of realised measures (SHAR, HARQ, log-SHARQ) need intraday data, which daily bars do not "
        "hold: a desk may give the measures as a file, [data.realized]."
    )


def importance_sheet(evaluation: Judged, unit: str = "session") -> Sheet:
    """What moves each forecast, the strongest inputs first, by the linear start and by the trees."""
    rows: list[tuple[Cell, ...]] = []
    for _, group in evaluation.tables["importance"].groupby(["target", "horizon"], sort=False):
        total = group["linear"] + group["trees"]
        for place, (_, row) in enumerate(group.loc[total.sort_values(ascending=False).index].iterrows()):
            values = (Cell(number(float(row[name]), 4)) for name in ("linear", "trees"))
            rows.append((Cell(_headed(row, unit) if place == 0 else ""), Cell(str(row["input"])), *values))
    lead = (
        "How far an input moves the logarithm of the LightGBM forecast (the log-odds of an event) in a "
        "tested session on average: by the linear model that the trees start from, and by the trees (Shapley "
        "values). 0.01 is one per cent of the forecast."
    )
    headings = ("Target", "Input", "Linear start", "Trees")
    return Sheet("importance", "What moves the forecasts", lead, headings, tuple(rows), labels=2, folded=True)


def interval_sheet(evaluation: Judged, unit: str = "session") -> Sheet:
    """Coverage and cost of the 90 % intervals, in all and by regime."""
    table = evaluation.tables["intervals"]
    regimes = [str(name) for name in table["regime"].unique()]
    rows, previous = [], ""
    for (_, _, model), group in table.groupby(["target", "horizon", "model"], sort=False):
        whole = group.iloc[0]
        title = _headed(whole, unit)
        head, previous = Cell("" if title == previous else title), title
        rows.append(
            (
                head,
                Cell(str(model)),
                *(
                    Cell(number(100 * float(each["coverage"]), 1), under=f"n = {number(float(each['n']), 0)}")
                    for _, each in group.iterrows()
                ),
                Cell(number(float(whole["ratio"]), 2)),
                Cell(number(float(whole["winkler_log"]), 3)),
                Cell(f"{float(whole['winkler']):.3g}"),
                Cell(probability(float(whole["dm_p"]))),
            )
        )
    lead = (
        "Share of the outcomes inside, out of sample, by the likeliest regime when the forecast was made; "
        "90 % is meant. An adaptive interval moves with every outcome once it is known, the fixed one keeps "
        "the quantiles of the training errors, quantile is a quantile regression by trees, corrected on "
        "held-out rows, whose width answers to the day; the last takes log-HAR's errors as normal. "
        f"{_given(evaluation, '_adaptive')}. Winkler's loss "
        "adds twenty times the miss to the width, once for the logarithms and once in units of the target; "
        "p tests equal loss of the logarithms with log-HAR's, with lags for the overlap. What comes in one "
        "session is a single squared return, near zero or not: its interval spans orders of magnitude."
    )
    coverage = (f"Covered, {name}, %" for name in regimes)
    headings = ("Target", "Interval", *coverage, "Upper / lower", "Winkler, logs", "Winkler", "p, log-HAR")
    return Sheet("intervals", "Intervals of the forecasts", lead, headings, tuple(rows), labels=2)


def _headed(row: "pd.Series[Any]", unit: str) -> str:
    return f"{row['target']}, {row['horizon']} {unit if row['horizon'] == 1 else f'{unit}s'}"


def event_sheet(evaluation: Judged, lead: str = EVENTS) -> Sheet:
    """Scores of the event probabilities against climatology; `lead` says what the events are."""
    formats = (
        ("event", -1),
        ("model", -1),
        ("brier", 4),
        ("brier_skill", 3),
        ("average_precision", 3),
        ("base_rate", 3),
        ("dm_p", 3),
        ("dm_p_logistic", 3),
        ("n", 0),
    )
    headings = (
        "Event",
        "Model",
        "Brier",
        "Brier skill",
        "Average precision",
        "Base rate",
        "p, climatology",
        "p, logistic",
        "n",
    )
    rows = plain_rows(evaluation.tables["events"], formats)
    return Sheet("events", "Event probabilities", lead, headings, rows, labels=2)


def reliability_sheet(evaluation: Judged) -> Sheet:
    """How often each event happened where it was given about the same probability."""
    rows: list[tuple[Cell, ...]] = []
    for (event, model), group in evaluation.tables["reliability"].groupby(["event", "model"], sort=False):
        for place, (_, row) in enumerate(group.iterrows()):
            head = (str(event), str(model)) if place == 0 else ("", "")
            values = (100 * float(row[name]) for name in ("forecast", "observed", "low", "high"))
            forecast, observed, low, high = (number(value, 1) for value in values)
            rows.append(
                (
                    *(Cell(text) for text in head),
                    Cell(forecast),
                    Cell(observed, under=f"{low} … {high}", tone="" if row["inside"] else "best"),
                    Cell(number(float(row["n"]), 0)),
                )
            )
    lead = (
        "The tested sessions in five groups, from the lowest probabilities to the highest. A reliable "
        "probability lies inside the 90 % interval of the frequency (Wilson; it takes sessions as "
        "independent); frequencies in bold lie off."
    )
    headings = ("Event", "Model", "Probability, %", "Happened, %", "n")
    return Sheet("reliability", "Reliability of the probabilities", lead, headings, tuple(rows), labels=2)


def regime_description_sheet(evaluation: Judged) -> Sheet:
    """The regimes by volatility, trend and persistence."""
    table = evaluation.tables["regimes"]
    switches = switches_a_year(evaluation.tables["signals"].filter(like="regime_prob_").to_numpy(float))
    shown = table.assign(volatility=100 * table["volatility"], occupancy=100 * table["occupancy"])
    formats = (
        ("name", -1),
        ("trend", -1),
        ("variance_ratio", 2),
        ("volatility", 1),
        ("occupancy", 1),
        ("mean_duration", 1),
        ("entries_a_year", 1),
    )
    headings = (
        "Regime",
        "Trend",
        "Variance ratio, 5 sessions",
        "Volatility, % a year",
        "Share of days, %",
        "Mean duration, sessions",
        "Entries a year",
    )
    lead = (
        "From the filtered probabilities: what was known on the day. A variance ratio above 1 is trending, "
        f"below 1 range-bound; the likeliest regime changes {switches:.0f} times a year."
    )
    return Sheet("regimes", "Regimes", lead, headings, plain_rows(shown, formats), labels=2)


def transition_sheet(evaluation: Judged) -> Sheet:
    """The probability of each move from one session to the next."""
    matrix = evaluation.tables["transition"].filter(like="to ").to_numpy(float)
    names = [str(name) for name in evaluation.tables["regimes"]["name"]]
    rows = tuple(
        (
            Cell(name),
            *(Cell(number(100 * value, 1), tone="" if i != j else "best") for j, value in enumerate(row)),
        )
        for i, (name, row) in enumerate(zip(names, matrix, strict=True))
    )
    headings = ("From", *(f"to {name}, %" for name in names))
    lead = "Probability of the regime of the next session, given that of this one."
    return Sheet("transition", "Transition matrix", lead, headings, rows)


def tuned_sheet(evaluation: Judged) -> Sheet:
    """What tuning chose at every refit."""
    tuned = evaluation.tables["tuned"]
    windows = sorted(tuned["window"].unique())
    rows: list[tuple[Cell, ...]] = []
    for policy, group in tuned.groupby("policy", sort=False):
        for place, (parameter, values) in enumerate(group.groupby("parameter", sort=False)):
            head = Cell(str(policy) if place == 0 else "")
            rows.append((head, Cell(str(parameter)), *_by_window(values, "value", windows)))
        scores = group.drop_duplicates("window")
        cells = _by_window(scores, "training_score", windows)
        rows.append(
            (Cell(""), Cell("training score", tone="quiet"), *(Cell(c.text, tone="quiet") for c in cells))
        )
    headings = ("Policy", "Parameter", *(f"Window {window}" for window in windows))
    lead = (
        "Chosen on the training rows of each refit by the desk's own risk; the score is that risk, in money."
    )
    return Sheet("tuned", "Tuned parameters", lead, headings, tuple(rows), labels=2, folded=True)


def window_sheet(evaluation: Judged) -> Sheet:
    """The refit windows and their test episodes."""
    own = evaluation.windows
    days = all((own[end] == own[end].dt.normalize()).all() for end in ("first", "last"))
    shown, zone = ("%Y-%m-%d", "") if days else ("%Y-%m-%d %H:%M", ", UTC")
    ends = {end: own[end].dt.strftime(shown) for end in ("first", "last")}
    table = own.assign(window=own["window"].astype(str), **ends)
    formats = (("window", -1), ("first", -1), ("last", -1), ("episodes", 0))
    lead = (
        "Everything is refitted at the start of a window on rows that end before it, less purge and embargo."
    )
    headings = ("Window", f"First start{zone}", f"Last start{zone}", "Episodes")
    return Sheet(
        "windows", "Walk-forward windows", lead, headings, plain_rows(table, formats), labels=3, folded=True
    )


def _by_window(values: pd.DataFrame, column: str, windows: list[int]) -> tuple[Cell, ...]:
    by_window = values.set_index("window")[column].to_dict()
    return tuple(Cell(number(float(by_window.get(window, float("nan"))), 3)) for window in windows)
