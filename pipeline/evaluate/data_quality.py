"""What was read of the user's files, and what of it is in quarantine: for the report, summary and tracker."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import pandas as pd

from pipeline.domain.data_settings import SampleData
from pipeline.domain.desk import Desk
from pipeline.evaluate.judged import Judged
from pipeline.evaluate.sheets import Cell, Sheet, number

TABLES: Final = ("intake", "quarantine", "notes")
"""Tables of the dataset `market` that say how its files were read; the embedded sample has none."""
SHOWN_ROWS: Final = 40
"""Rows in quarantine that the report prints; the dataset has all."""
SHOWN_TEXT: Final = 80
FEW_FILES: Final = 12
"""Files that are listed without unfolding."""
FileRead: TypeAlias = dict[str, Any]


def data_named(desk: Desk) -> str:
    """Name the data with all its files, and say between which tenors options are marked.

    Examples
    --------
    >>> from pipeline.domain.desk import load_desk
    >>> data_named(load_desk("spx-daily"))
    'sample'
    """
    if isinstance(desk.data, SampleData):
        return desk.data.label
    measures = [] if desk.data.realized is None else ["realised measures"]
    if not (more := [*desk.data.vol_indices.given, *measures]):
        return desk.data.label
    further = f"{desk.data.label} with {', '.join(more)}"
    tenors = [f"{days}" for days in desk.data.tenors.values()]
    if len(tenors) == 1:
        return further
    return f"{further}, options marked by their maturity between {', '.join(tenors)} days"


def data_tables(market: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return those of `TABLES` that a market dataset has."""
    return {name: market[name] for name in TABLES if name in market}


def data_summary(tables: Mapping[str, pd.DataFrame], whole_days: Sequence[FileRead] = ()) -> dict[str, Any]:
    """Return what the summary says of the data.

    `files`, one entry a file: `table, file, rows` read, `quarantined`, `reasons` (rows by kind of reason),
    `first` and `last` session, `missing_sessions` between them, those that hold `whole_days` (`files_read`)
    first; `notes`, what the run said. The embedded sample has no files: it is checked whole.

    Examples
    --------
    >>> data_summary({})
    {'files': [], 'notes': []}
    """
    files = [
        {
            **{name: row[name] for name in ("table", "file", "rows", "quarantined")},
            "reasons": dict(_reasons(tables["quarantine"], str(row["table"]))),
            "first": row["first"],
            "last": row["last"],
            "missing_sessions": row["missing"],
        }
        for row in (tables["intake"].to_dict("records") if "intake" in tables else [])
    ]
    notes = tables["notes"]["note"].tolist() if "notes" in tables else []
    return {"files": [*whole_days, *files], "notes": notes}


def data_metrics(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Return the counts of the data by metric name: in all, and by table.

    Examples
    --------
    >>> data_metrics({})
    {}
    """
    found: dict[str, float] = {}
    for row in data_summary(tables)["files"]:
        for name in ("rows", "quarantined", "missing_sessions"):
            found[f"data/{name}"] = found.get(f"data/{name}", 0.0) + float(row[name])
            found[f"data/{name}/{row['table']}"] = float(row[name])
    return found


def files_read(days: pd.DataFrame, held: pd.DataFrame) -> list[FileRead]:
    """Return one entry a file of those that hold whole days, as `data_summary` does.

    Parameters
    ----------
    days : `day, table, file, rows`, one row for each day that a file has rows of.
    held : rows in quarantine, `file, reason, count`.
    """
    found: list[FileRead] = []
    for file in sorted({*days["file"], *held["file"]}):
        own, faults = days[days["file"] == file], held[held["file"] == file]
        found.append(
            {
                "table": ", ".join(sorted(own["table"].unique())),
                "file": str(file),
                "rows": int(own["rows"].sum()),
                "quarantined": int(faults["count"].sum()),
                "reasons": {str(row["reason"]): int(row["count"]) for row in faults.to_dict("records")},
                "first": pd.Timestamp(own["day"].min()) if len(own) else None,
                "last": pd.Timestamp(own["day"].max()) if len(own) else None,
                "missing_sessions": None,
            }
        )
    return found


def data_sheet(files: Sequence[FileRead]) -> Sheet:
    """One row a file: rows read, in quarantine by reason, span, and sessions without a value."""
    counted = any(each["missing_sessions"] is not None for each in files)
    rows = [
        (
            Cell(str(each["table"])),
            Cell(str(each["file"])),
            Cell(number(each["rows"], 0)),
            Cell(
                number(each["quarantined"], 0),
                ", ".join(f"{count} {reason}" for reason, count in each["reasons"].items()),
            ),
            *(Cell("–" if each[end] is None else f"{each[end]:%Y-%m-%d}") for end in ("first", "last")),
            *((Cell(_count(each["missing_sessions"])),) if counted else ()),
        )
        for each in files
    ]
    lead = "Every row of a file is a row of the data set or stands in quarantine with its reason."
    headings: tuple[str, ...] = ("Table", "File", "Rows read", "In quarantine", "First", "Last")
    if counted:
        lead += " Sessions without a value lie between the first and the last row of the file that passed."
        headings = (*headings, "Sessions without a value")
    return Sheet("data", "Data", lead, headings, tuple(rows), labels=2, folded=len(files) > FEW_FILES)


def _count(missing: int | None) -> str:
    return "–" if missing is None else number(missing, 0)


def note_sheet(evaluation: Judged) -> Sheet | None:
    """What the run said about the data, one sentence a row."""
    rows = tuple((Cell(str(note)),) for note in data_summary(evaluation.tables)["notes"])
    lead = "Said at every run that reads these files."
    return Sheet("data-notes", "What there is to say about the data", lead, ("Note",), rows, folded=True)


def quarantine_sheet(evaluation: Judged) -> Sheet | None:
    """The first rows in quarantine, as they stand in the files."""
    held = evaluation.tables.get("quarantine", pd.DataFrame())
    rows = [
        (
            Cell(f"{row['file']}, {row['row']}", str(row["table"])),
            Cell(str(row["reason"])),
            Cell(_shortened(str(row["text"]))),
        )
        for _, row in held.head(SHOWN_ROWS).iterrows()
    ]
    lead = f"The first {len(rows)} of {len(held)}; the data set's table `quarantine` has all."
    headings = ("File and row", "Reason", "Row")
    return Sheet("quarantine", "Rows in quarantine", lead, headings, tuple(rows), labels=3, folded=True)


def _reasons(quarantine: pd.DataFrame, table: str) -> list[tuple[str, int]]:
    own = quarantine.loc[quarantine["table"] == table, "reason"]
    return Counter(str(reason).partition(":")[0] for reason in own).most_common()


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_TEXT else f"{line[: SHOWN_TEXT - 3]}..."
