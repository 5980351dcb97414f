"""A flow run for a command: all is checked before it starts, and its progress goes to stderr."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.domain.data_folder import DATA_FOLDER, located
from pipeline.domain.desk import shipped_desks
from pipeline.domain.errors import SettingsError
from pipeline.domain.home import Home
from pipeline.domain.runner_name import RUNNER, STORE, RunnerName


def prepared(
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
    for name in (DATA_FOLDER, STORE):
        located(os.environ.get(name))
    RunnerName.of(os.environ.get(RUNNER, ""))
    from pipeline.backtest.desk_check import checked_any

    place = Home.find(home)
    os.environ["HEDGE_HOME"] = str(place.root)  # where the networks lie that a desk names
    checked_any(desk)
    for folder in (place.data, place.mlruns):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            fault = "" if os.access(folder, os.W_OK | os.X_OK) else "permission denied"
        except OSError as error:
            fault = str(error.strerror)
        if fault:
            raise SettingsError(f"--home {place.root}: {folder}: {fault}; give a folder that can be written")
    return place


def run_flow(flow: str, desk: str, home: Home, force: bool, **parameters: Any) -> Any:
    """Run a flow with its progress on stderr; nothing that it imports or prints reaches stdout."""
    os.environ["HEDGE_HOME"] = str(home.root)
    with contextlib.redirect_stdout(sys.stderr):
        from flows.environment import silence_console

        silence_console()
        from flows.local import run_here

        with progress_shown():
            return run_here(flow, named(desk), str(home.root), force, **parameters)


def named(desk: str) -> str:
    """Return a shipped desk's name as it is, and a desk file's path as it is seen from everywhere."""
    return desk if desk in shipped_desks() else str(Path(desk).resolve())


@contextlib.contextmanager
def progress_shown() -> Iterator[None]:
    """Show the pipeline's own log lines on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    loggers = [logging.getLogger(name) for name in ("flows", "pipeline")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.propagate = True
