"""The report of a run as files: one HTML page that needs nothing else, its pictures, and the summary."""

import json
import os
import shutil
from pathlib import Path

from pipeline.evaluate.drawing import save_pictures, settle
from pipeline.evaluate.page import Report, rendered

PAGE = "report.html"
SUMMARY = "summary.json"


def write_report(report: Report, folder: Path) -> dict[str, Path]:
    """Write `report.html`, `summary.json` and one PNG a figure; all or nothing.

    Everything is built in a temporary folder beside `folder`, which is then renamed: a run that is killed
    leaves the old report or the new one. An older report in `folder` is replaced.

    Returns
    -------
    The path of each file, by name: `report`, `summary` and the figures.
    """
    figures = report.figures
    settle(figures)
    page = rendered(report)
    building = folder.parent / f".{folder.name}.{os.getpid()}.building"
    building.mkdir(parents=True)
    try:
        (building / PAGE).write_text(page, encoding="utf-8")
        text = json.dumps(report.summary, indent=2, allow_nan=False, ensure_ascii=False)
        (building / SUMMARY).write_text(text + "\n", encoding="utf-8")
        save_pictures(figures, building)
        _put_in_place(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    files = {"report": folder / PAGE, "summary": folder / SUMMARY}
    return files | {name: folder / f"{name}.png" for name in figures}


def _put_in_place(building: Path, folder: Path) -> None:
    if not folder.exists():
        building.rename(folder)
        return
    replaced = building.with_suffix(".replaced")
    folder.rename(replaced)
    building.rename(folder)
    shutil.rmtree(replaced)
