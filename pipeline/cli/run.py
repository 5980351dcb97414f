"""`hedge run`, and its stages one by one: `hedge ingest`, `features`, `backtest`; see `cli.train` too."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from pipeline.cli.options import DataFolder, Desk, Force, HomePath, Json, RunnerOption, StoreUrl
from pipeline.cli.running import prepared, run_flow
from pipeline.domain.desk_file import load_any
from pipeline.domain.home import Home

STAGES: Final[Mapping[str, str]] = {
    "ingest": "Load the market data of a desk.",
    "features": "Compute the features, after what they need.",
    "backtest": "Hedge every episode with every policy, after what that needs.",
}
"""What each one does, in the order in which the data goes through them."""
WAITS: Final = (
    "[promotion] approval = true: what is new is a challenger until a person has approved it: "
    'hedge promote {desk} --reason "…"'
)


def run(
    desk: Desk,
    home: HomePath = None,
    force: Force = False,
    as_json: Json = False,
    latest: Annotated[
        bool, typer.Option("--latest", help="Test through the newest session, not windows.test_end.")
    ] = False,
    learned: Annotated[
        list[str] | None, typer.Option("--with", help="Compare what was trained with an extra too: deep, rl.")
    ] = None,
    data: DataFolder = None,
    runner: RunnerOption = None,
    store: StoreUrl = None,
) -> None:
    """Run the whole pipeline of a desk and show how its hedgers compare; its models become the champions.

    Where [promotion] approval = true they become challengers.
    """
    place = prepared(desk, home, data, runner, store)
    _check_extras(desk, learned or [])
    started = time.perf_counter()
    published = run_flow("hedge_pipeline", desk, place, force, latest=latest, learned=learned or [])
    folder = Path(published["folder"])
    if as_json:
        print((folder / "summary.json").read_text(encoding="utf-8"), end="")
    else:
        print((folder / "comparison.txt").read_text(encoding="utf-8"))
        print(_places(folder, published["run_id"], place))
    if published["challenges"]:
        print(WAITS.format(desk=desk), file=sys.stderr)
    done = "done" if published["new"] else "nothing has changed since that run, --force makes a new one"
    print(f"{done}, {time.perf_counter() - started:.1f} s", file=sys.stderr)


def _check_extras(desk: str, extras: Sequence[str]) -> None:
    """Refuse extras of which nothing was trained before anything starts."""
    from pipeline.policies.saved_network import with_learned

    with_learned(load_any(desk), extras, desk)


def stage(name: str) -> Callable[..., None]:
    """Return the command that runs one stage."""

    def command(
        desk: Desk,
        home: HomePath = None,
        force: Force = False,
        as_json: Json = False,
        data: DataFolder = None,
        runner: RunnerOption = None,
        store: StoreUrl = None,
    ) -> None:
        place = prepared(desk, home, data, runner, store)
        key = str(run_flow(name, desk, place, force))
        path = place.data / "datasets" / key
        print(json.dumps({"key": key, "path": str(path)}) if as_json else f"{key}\n{path}")

    return command


def _places(folder: Path, run_id: str, home: Home) -> str:
    figures = sorted(file.name for file in folder.glob("*.png"))
    lines = {
        "report": folder / "report.html",
        "summary": folder / "summary.json",
        "figures": f"{folder}/ {', '.join(figures)}",
        "MLflow run": f"{run_id}, to see it: hedge ui --home {home.root}",
    }
    return "\n".join(f"{what:<11}{where}" for what, where in lines.items())
