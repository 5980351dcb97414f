"""The command `hedge`: runs the flows of a desk and shows where the results are."""

import contextlib
import gc
import json
import logging
import os
import sys
import time
import traceback
from datetime import datetime
from datetime import time as clock_time
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.domain.data_folder import DATA_FOLDER, located
from pipeline.domain.desk import shipped_desks
from pipeline.domain.desk_file import DAILY, kind_of, load_any
from pipeline.domain.errors import HedgeError, SettingsError
from pipeline.domain.home import Home
from pipeline.domain.runner_name import RUNNER, STORE, RunnerName

USER_FAULT = 1
STALE = 3
INTERNAL_FAULT = 70
INTERRUPTED = 130

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

app = typer.Typer(
    help="Regime-aware hedging of options, from market data to a tracked comparison of hedgers.",
    epilog="Start with: hedge run spx-daily",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
desk_app = typer.Typer(help="Make desk files.", no_args_is_help=True)
app.add_typer(desk_app, name="desk")


def main() -> None:
    """Run the command line: 0 when all was done, 1 after a fault of the input, 70 of ours, 130 Ctrl-C."""
    try:
        app()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            print("hedge: interrupted", file=sys.stderr)
        raise
    except HedgeError as error:
        print(f"hedge: {error}", file=sys.stderr)
        sys.exit(USER_FAULT)
    except Exception:
        traceback.print_exc()
        sys.exit(INTERNAL_FAULT)
    finally:
        gc.freeze()  # nothing is worth collecting any more: it would take the interpreter two seconds to end


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"regime-hedge {metadata.version('regime-hedge')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
]


@app.callback()
def _options(version: Version = False) -> None: ...


@app.command()
def run(
    desk: Desk,
    home: HomePath = None,
    force: Force = False,
    as_json: Json = False,
    latest: Annotated[
        bool, typer.Option("--latest", help="Test through the newest session, not windows.test_end.")
    ] = False,
    data: DataFolder = None,
    runner: RunnerOption = None,
    store: StoreUrl = None,
) -> None:
    """Run the whole pipeline of a desk and show how its hedgers compare; its models become the champions."""
    place = _prepared(desk, home, data, runner, store)
    started = time.perf_counter()
    published = _run_flow("hedge_pipeline", desk, place, force, latest=latest)
    folder = Path(published["folder"])
    if as_json:
        print((folder / "summary.json").read_text(encoding="utf-8"), end="")
    else:
        print((folder / "comparison.txt").read_text(encoding="utf-8"))
        print(_places(folder, published["run_id"], place))
    done = "done" if published["new"] else "nothing has changed since that run, --force makes a new one"
    print(f"{done}, {time.perf_counter() - started:.1f} s", file=sys.stderr)


@app.command()
def ingest(
    desk: Desk,
    home: HomePath = None,
    force: Force = False,
    as_json: Json = False,
    data: DataFolder = None,
    runner: RunnerOption = None,
    store: StoreUrl = None,
) -> None:
    """Load the market data of a desk."""
    _run_stage("ingest", desk, _prepared(desk, home, data, runner, store), force, as_json)


@app.command()
def features(
    desk: Desk,
    home: HomePath = None,
    force: Force = False,
    as_json: Json = False,
    data: DataFolder = None,
    runner: RunnerOption = None,
    store: StoreUrl = None,
) -> None:
    """Compute the features, after what they need."""
    _run_stage("features", desk, _prepared(desk, home, data, runner, store), force, as_json)


@app.command()
def train(
    desk: Desk,
    home: HomePath = None,
    force: Force = False,
    as_json: Json = False,
    data: DataFolder = None,
    runner: RunnerOption = None,
    store: StoreUrl = None,
) -> None:
    """Learn regimes and forecasts walk-forward, after what they need."""
    _run_stage("train", desk, _prepared(desk, home, data, runner, store), force, as_json)


@app.command()
def backtest(
    desk: Desk,
    home: HomePath = None,
    force: Force = False,
    as_json: Json = False,
    data: DataFolder = None,
    runner: RunnerOption = None,
    store: StoreUrl = None,
) -> None:
    """Hedge every episode with every policy, after what that needs."""
    _run_stage("backtest", desk, _prepared(desk, home, data, runner, store), force, as_json)


@app.command()
def decide(
    desk: Desk,
    position: Annotated[
        float | None,
        typer.Option(
            help="Units of the hedge instrument held now, one a unit of the underlying; else what the desk's "
            "decision.position_file says, else none."
        ),
    ] = None,
    kind: Annotated[str | None, typer.Option(help="call, put or straddle; else the desk's own.")] = None,
    strike: Annotated[float | None, typer.Option(help="In the data's money; else the desk's own.")] = None,
    expiry: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="A session, or within the day a time of the desk's zone; else the desk's own life.",
        ),
    ] = None,
    quantity: Annotated[
        float | None, typer.Option(help="Options, each on one unit of the underlying; negative is sold.")
    ] = None,
    opened: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="When it was dealt; else the newest session."),
    ] = None,
    allow_stale: Annotated[
        bool, typer.Option("--allow-stale", help="Exit with 0 although newer sessions are missing.")
    ] = False,
    home: HomePath = None,
    force: Force = False,
    as_json: Json = False,
    data: DataFolder = None,
) -> None:
    """Say what each hedger does now, from the champion models of the last run; exit code 3 on stale data."""
    if kind not in (None, "call", "put", "straddle"):
        raise SettingsError(f"--kind is {kind}: give call, put or straddle")
    place = _prepared(desk, home, data)
    option = {
        "kind": kind,
        "strike": strike,
        "quantity": quantity,
        "expiry": expiry and (expiry if expiry.time() != clock_time(0) else expiry.date()),
        "opened": opened and opened.date(),
    }
    made, file = _run_flow(
        "daily_decision", desk, place, force, position=position, allow_stale=True, **option
    )

    from rich.console import Console

    from pipeline.live.decision_log import decision_as_json
    from pipeline.live.decision_text import decision_for_terminal

    if as_json:
        print(decision_as_json(made), end="")
    else:
        Console(width=100, highlight=False).print(decision_for_terminal(made))
        print(f"written to {file}")
    if made.stale and not allow_stale:
        print(f"hedge: {made.warnings[0]}; --allow-stale accepts it", file=sys.stderr)
        raise typer.Exit(STALE)


@app.command()
def desks() -> None:
    """List the desks that are shipped."""
    for name in shipped_desks():
        print(f"{name:<16} {load_any(name).description}")


@app.command()
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


@desk_app.command("new")
def new_desk(
    path: Annotated[Path, typer.Argument(help="Where to write the desk file.")],
    bars: Annotated[Path, typer.Option(help="CSV or Parquet file of prices, a row a session.")],
    vol: Annotated[Path, typer.Option(help="CSV or Parquet file of the volatility index.")],
    vix9d: Annotated[Path | None, typer.Option(help="File of a volatility index of a shorter tenor.")] = None,
    vix3m: Annotated[Path | None, typer.Option(help="File of a volatility index of a longer tenor.")] = None,
    vvix: Annotated[Path | None, typer.Option(help="File of the volatility of the volatility.")] = None,
    skew: Annotated[Path | None, typer.Option(help="File of an index of the options' skew.")] = None,
    realized: Annotated[Path | None, typer.Option(help="File of realised variances and more.")] = None,
    factors: Annotated[
        Path | None, typer.Option(help="File of the prices' dividend and split factors (Lean's form).")
    ] = None,
    calendar: Annotated[
        str | None, typer.Option(help="Exchange (XLON, XTKS, 24/7, …); else the one that fits the dates.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="[FILE.]NAME=COLUMN", help="A column: close=Schluss, vol.date=Datum, volume=."),
    ] = None,
    date_format: Annotated[
        list[str] | None,
        typer.Option(metavar="[FILE=]FORMAT", help="How dates are written: %d.%m.%y, vol=%d/%m/%Y."),
    ] = None,
    time_zone: Annotated[
        list[str] | None,
        typer.Option(metavar="[FILE=]ZONE", help="Zone of times of day without an offset: Asia/Tokyo."),
    ] = None,
    quarantine_limit: Annotated[
        float | None, typer.Option(min=0, max=1, help="Largest share of a file's rows that may fail a check.")
    ] = None,
    jump_limit: Annotated[
        float | None, typer.Option(min=1e-9, help="Largest believed |ln(price / price before)|.")
    ] = None,
    vol_jump_limit: Annotated[
        float | None, typer.Option(min=1e-9, help="The same of a volatility index.")
    ] = None,
    realized_scale: Annotated[
        float, typer.Option(min=1e-30, help="Realised variances times this are daily variances as decimals.")
    ] = 1.0,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a commented desk file from a look at your own data.

    FILE is the name of the option that gives the file (bars, vol, vix9d, …); without it --column is of the
    bars, --date-format and --time-zone are of all files.
    """
    from pipeline.ingest import new_desk as maker
    from pipeline.ingest.file_options import FileOptions, each_file, named_columns

    if path.exists() and not force:
        raise SettingsError(f"{path}: is there already: give another path, or --force to write over it")
    given = {"vix9d": vix9d, "vix3m": vix3m, "vvix": vvix, "skew": skew}
    indices = {name: file for name, file in given.items() if file is not None}
    limits = {
        "quarantine_limit": quarantine_limit,
        "jump_limit": jump_limit,
        "vol_jump_limit": vol_jump_limit,
    }
    options = FileOptions(
        calendar=calendar,
        limits={name: limit for name, limit in limits.items() if limit is not None},
        realized_scale=realized_scale,
        columns=named_columns(column or ()),
        date_formats=each_file(date_format or ()),
        time_zones={file: zones[-1] for file, zones in each_file(time_zone or ()).items()},
    )
    made = maker.new_desk(path, bars, vol, indices, realized, factors, options)
    try:
        path.write_text(made.text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from None
    for note in made.notes:
        print(note, file=sys.stderr)
    print(f"{path} is written: look through it, then hedge run {path}")


@app.command(name="map")
def information_map(
    axes: Annotated[
        list[str] | None, typer.Option("--axis", help="What to vary, more than once for several; else all.")
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


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="On 127.0.0.1.")] = 5000, home: HomePath = None
) -> None:
    """Open MLflow's pages on the runs of a home, until Ctrl-C."""
    from pipeline.tracking.ui import serve

    serve(Home.find(home).mlruns, port)


@app.command()
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
) -> None:
    """Start Prefect, a worker and MLflow together, with the desk's schedule, until Ctrl-C."""
    place = _prepared(desk, home)
    os.environ["HEDGE_HOME"] = str(place.root)
    from flows.up import Up

    named = desk if desk in shipped_desks() else str(Path(desk).resolve())
    settings = load_any(desk)
    if kind_of(settings) != DAILY:
        raise SettingsError(
            f"{desk}: hedge up schedules a decision after the close, of daily desks; a desk of kind "
            f"{kind_of(settings)} has no such hour: start hedge run and hedge decide yourself"
        )
    Up(place, named, settings.name, prefect_port, mlflow_port).run(partial(print, flush=True))


def _prepared(
    desk: str,
    home: Path | None,
    data: str | None = None,
    runner: str | None = None,
    store: str | None = None,
) -> Home:
    """Return the home after checking, before anything is started, that the desk is right and it can write.

    `data`, `runner` and `store` are told to what reads them by the environment, which a worker has too.
    """
    told = {DATA_FOLDER: located(data), RUNNER: runner, STORE: located(store)}
    os.environ.update({name: value for name, value in told.items() if value is not None})
    RunnerName.of(os.environ.get(RUNNER, ""))
    from pipeline.backtest.desk_check import checked_any

    checked_any(desk)
    place = Home.find(home)
    for folder in (place.data, place.mlruns):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            fault = "" if os.access(folder, os.W_OK | os.X_OK) else "permission denied"
        except OSError as error:
            fault = str(error.strerror)
        if fault:
            raise SettingsError(f"--home {place.root}: {folder}: {fault}; give a folder that can be written")
    return place


def _run_stage(stage: str, desk: str, place: Home, force: bool, as_json: bool) -> None:
    key = str(_run_flow(stage, desk, place, force))
    path = place.data / "datasets" / key
    print(json.dumps({"key": key, "path": str(path)}) if as_json else f"{key}\n{path}")


def _run_flow(flow: str, desk: str, home: Home, force: bool, **parameters: Any) -> Any:
    """Run a flow with its progress on stderr; nothing that it imports or prints reaches stdout."""
    os.environ["HEDGE_HOME"] = str(home.root)
    with contextlib.redirect_stdout(sys.stderr):
        from flows.environment import silence_console

        silence_console()
        from flows.local import run_here

        _show_progress()
        named = desk if desk in shipped_desks() else str(Path(desk).resolve())
        return run_here(flow, named, str(home.root), force, **parameters)


def _show_progress() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    for name in ("flows", "pipeline"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


def _places(folder: Path, run_id: str, home: Home) -> str:
    figures = sorted(file.name for file in folder.glob("*.png"))
    lines = {
        "report": folder / "report.html",
        "summary": folder / "summary.json",
        "figures": f"{folder}/ {', '.join(figures)}",
        "MLflow run": f"{run_id}, to see it: hedge ui --home {home.root}",
    }
    return "\n".join(f"{what:<11}{where}" for what, where in lines.items())


if __name__ == "__main__":
    main()
