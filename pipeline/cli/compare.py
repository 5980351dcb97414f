"""`hedge compare`: what differs between two runs."""

from typing import Annotated

import typer

from pipeline.cli.options import HomePath, Json
from pipeline.domain.home import Home


def compare(
    first: Annotated[str, typer.Argument(help="A run's name or its beginning, its folder, or `latest`.")],
    second: Annotated[str, typer.Argument(help="The other run.")],
    home: HomePath = None,
    as_json: Json = False,
) -> None:
    """Show what differs between two runs in settings, data, code and results."""
    from rich.console import Console

    from pipeline.evaluate.compare_runs import compare_runs, find_run, read_summary
    from pipeline.evaluate.comparison_page import (
        comparison_as_json,
        comparison_of_runs_for_terminal,
        write_comparison,
    )

    reports = Home.find(home).data / "reports"
    folders = (find_run(reports, first), find_run(reports, second))
    found = compare_runs(*(read_summary(folder) for folder in folders))
    if as_json:
        print(comparison_as_json(found))
        return
    Console(width=100, highlight=False).print(comparison_of_runs_for_terminal(found))
    print(f"page       {write_comparison(found, *folders, reports / 'comparisons')}")
