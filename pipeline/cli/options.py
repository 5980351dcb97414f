"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Desk = Annotated[str, typer.Argument(help="A shipped desk (see `hedge desks`) or the path of a desk file.")]
HomePath = Annotated[
    Path | None,
    typer.Option("--home", help="Where data/ and mlruns/ are written; else HEDGE_HOME, else the project."),
]
Force = Annotated[bool, typer.Option("--force", help="Make everything again, even what has not changed.")]
DataFolder = Annotated[
    str | None,
    typer.Option("--data", help="Folder or URL of the market data, of a desk whose file names none."),
]
RunnerOption = Annotated[
    str | None,
    typer.Option(
        "--runner", help="Where days are computed: local:N processes, or dask://HOST:PORT; else here."
    ),
]
StoreUrl = Annotated[
    str | None,
    typer.Option("--store", help="URL (fsspec) of the tables by instrument and day; else data/partitions."),
]
Json = Annotated[bool, typer.Option("--json", help="Only JSON on stdout, everything else on stderr.")]
