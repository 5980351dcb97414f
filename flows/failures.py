"""A stage that fails says so on its page: which stage, of which desk, why, and what to do."""

import functools
import logging
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from prefect import runtime
from prefect.artifacts import create_markdown_artifact
from prefect.states import Failed

from flows.datasets import home_of
from flows.naming import desk_file
from pipeline.domain.errors import HedgeError, StageError

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)

TOLD = "_told"
"""Attribute of an exception whose stage has been told: the stages around it say the same."""
COMMANDS = {"report": "run", "positions": "run", "learn": "run", "own_costs": "run"}
"""Commands of the stages that have another name than their own."""
OURS = "this is a fault of the program: the traceback stands in the logs of the run"
DISK = "look at the disk, its space and its permissions, then run again"


def told(stage: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make the body of a flow end in a Failed state whose message a user can act on.

    The exception stays what it was, for the caller of a subflow and for the command line; a `HedgeError` gets
    the stage's name in front. A stage inside another one has already said it. The artifact stands once, on
    the page of the outermost flow run: the one that was started, and that is tried again.
    While the body runs, the `home` that the flow was given is the one that is meant.
    """

    def named(body: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(body)
        def run(*arguments: P.args, **keywords: P.kwargs) -> R:
            try:
                with home_of(runtime.flow_run.parameters.get("home")).meant():
                    return body(*arguments, **keywords)
            except Exception as error:
                return _failed(stage, error)  # type: ignore[return-value]

        return run

    return named


def message_of(stage: str, desk: str, error: Exception) -> str:
    """Return one line: stage, desk, cause, and what to do.

    Examples
    --------
    >>> message_of("train", "spx-daily", ZeroDivisionError("division by zero")).partition(";")[0]
    'train failed for desk spx-daily: ZeroDivisionError: division by zero'
    """
    if TOLD in vars(error):
        return str(vars(error)[TOLD])
    if isinstance(error, HedgeError):
        return f"{stage} failed for desk {desk}: {error}"
    cause = (str(error).splitlines() or [""])[0]
    remedy = DISK if isinstance(error, OSError) else OURS
    return f"{stage} failed for desk {desk}: {type(error).__name__}: {cause}; {remedy}"


def _failed(stage: str, error: Exception) -> object:
    desk = str(runtime.flow_run.parameters["desk"])
    message = message_of(stage, desk_file(desk), error)
    data = error
    if TOLD not in vars(error):
        if isinstance(error, HedgeError):
            data = StageError(message, stage)
        else:
            log.error("%s", message, exc_info=error)
        vars(data)[TOLD] = message
    if runtime.flow_run.parent_flow_run_id is None:
        _show(message, _command(stage, desk))
    return Failed(message=message, data=data)


def _command(stage: str, desk: str) -> str:
    """Return what starts the flow again in a terminal."""
    command = f"hedge {COMMANDS.get(stage, stage)} {desk}"
    if home := runtime.flow_run.parameters.get("home") or os.environ.get("HEDGE_HOME"):
        command += f" --home {home}"
    flags = {"latest": " --latest", "allow_stale": " --allow-stale"}
    if stage in ("report", "positions", "decide"):
        given = runtime.flow_run.parameters
        command += "".join(flag for name, flag in flags.items() if given.get(name))
        command += "".join(f" --with {extra}" for extra in given.get("learned") or ())
    return command


def _show(message: str, command: str) -> None:
    lines = [
        f"**{message}**",
        "",
        "Mend what the line names, then run again: from this page (*Retry*), or in a terminal with "
        f"`{command}`. Nothing is left half made, and what was finished is not made again.",
    ]
    create_markdown_artifact("\n".join(lines), key="what-failed", description="What failed, and what to do")
