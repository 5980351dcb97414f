"""`hedge ui` and `hedge up`: pages that are served until Ctrl-C."""

import os
from functools import partial
from typing import Annotated

import typer

from pipeline.cli.options import DataFolder, HomePath
from pipeline.cli.running import named, prepared
from pipeline.domain.desk_file import load_any
from pipeline.domain.home import Home


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="On 127.0.0.1.")] = 5000, home: HomePath = None
) -> None:
    """Open MLflow's pages on the runs of a home, until Ctrl-C."""
    from pipeline.tracking.ui import serve

    serve(Home.find(home).mlruns, port)


def up(
    desk: Annotated[
        str, typer.Argument(help="Whose deployments: a shipped desk, or a desk file.")
    ] = "spx-daily",
    prefect_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="On 127.0.0.1; else 4200, or a free one.")
    ] = None,
    mlflow_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="On 127.0.0.1; else 5000, or a free one.")
    ] = None,
    home: HomePath = None,
    data: DataFolder = None,
) -> None:
    """Start Prefect, a worker and MLflow together, with the desk's schedule, until Ctrl-C."""
    place = prepared(desk, home, data)
    os.environ["HEDGE_HOME"] = str(place.root)
    from flows.up import Up, schedule_of

    settings = load_any(desk)
    schedule_of(settings)
    Up(place, named(desk), settings.name, prefect_port, mlflow_port).run(partial(print, flush=True))
