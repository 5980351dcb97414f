"""`hedge map`: what knowing the volatility regime is worth in known markets."""

import sys
from functools import partial
from typing import Annotated

import typer

from pipeline.cli.options import Force, HomePath, Json
from pipeline.domain.home import Home

VARIED = "risk aversion, cost, cost by regime, persistence, contrast, jump"


def information_map(
    axes: Annotated[
        list[str] | None,
        typer.Option("--axis", help=f"What to vary, more than once for several; else all: {VARIED}."),
    ] = None,
    paths: Annotated[int, typer.Option(min=1000, help="Simulated episodes of each market.")] = 20_000,
    home: HomePath = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Show in known markets what knowing the volatility regime is worth, and what a filter makes of it.

    Each market is kept as soon as it is done: a run that was interrupted goes on where it was.
    """
    import pandas as pd

    from pipeline.evaluate import information_map as made
    from pipeline.ingest.store import DatasetStore
    from pipeline.optimum.bands import keeping

    place = Home.find(home)
    pieces = partial(DatasetStore(place.data / "datasets").piece, _force=force)
    rows = []
    with keeping(pieces):
        for row in made.mapped(axes or list(made.AXES), paths, pieces):
            rows.append(row)
            print(made.sentence(row.iloc[0]), file=sys.stderr if as_json else sys.stdout, flush=True)
    table, folder = pd.concat(rows, ignore_index=True), place.data / "reports" / "map"
    made.write_map(table, folder)
    if as_json:
        print((folder / "map.json").read_text(encoding="utf-8"), end="")
    else:
        print(f"written to {folder}: map.csv, map.json, map.md, map.png")
