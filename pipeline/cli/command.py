"""The command line `hedge` and its exit codes."""

import errno
import gc
import sys
import traceback
from importlib import metadata
from typing import Annotated

import typer

from pipeline.cli.approve import approve
from pipeline.cli.attend import adopt, dashboard, halt, resume, status
from pipeline.cli.compare import compare
from pipeline.cli.decide import decide
from pipeline.cli.information_map import information_map
from pipeline.cli.live import live, shadow
from pipeline.cli.new_desk import new_desk
from pipeline.cli.promote import promote, rollback
from pipeline.cli.run import STAGES, run, stage
from pipeline.cli.services import ui, up
from pipeline.cli.train import train
from pipeline.domain.desk import shipped_desks
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import HedgeError

USER_FAULT = 1
INTERNAL_FAULT = 70
INTERRUPTED = 130
DISK = (errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS)
"""What a disk says that is full or that may not be written."""


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
    except OSError as error:
        if error.errno not in DISK:
            traceback.print_exc()
            sys.exit(INTERNAL_FAULT)
        place = error.filename or "a file"
        print(f"hedge: {place}: {error.strerror}: make room there, or let it be written", file=sys.stderr)
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


def _options(version: Version = False) -> None: ...


def desks() -> None:
    """List the desks that are shipped."""
    for name in shipped_desks():
        print(f"{name:<16} {load_any(name).description}")


app = typer.Typer(
    help="Regime-aware hedging of options, from market data to a tracked comparison of hedgers.",
    epilog="Start with: hedge run spx-daily",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
desk_app = typer.Typer(help="Make desk files.", no_args_is_help=True)
app.add_typer(desk_app, name="desk")
app.callback()(_options)
app.command()(run)
for name, what in STAGES.items():
    app.command(name, help=what)(stage(name))
for command in (decide, train, desks, compare):
    app.command()(command)
app.command("map")(information_map)
app.command()(live)
app.command()(shadow)
app.command()(promote)
app.command()(rollback)
for command in (ui, up):
    app.command()(command)
for ask in (halt, resume, adopt, approve):
    app.command()(ask)
app.command()(status)
app.command()(dashboard)
desk_app.command("new")(new_desk)
