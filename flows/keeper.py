"""A process that keeps another one, with all that it starts, no longer than it is wanted.

    python -m flows.keeper COMMAND [ARGUMENT …]

runs the command in a session of its own and ends it, with everything below it, when standard input is closed:
the operating system does that whatever ends the process at the other end. Ctrl-C in the terminal does not
reach it. It exits with the command's exit code.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

import psutil  # type: ignore[import-untyped]

GENTLY = (10.0, 5.0)
"""Seconds that a command gets after each request to end; a worker needs two."""


def keep(command: list[str]) -> int:
    """Run a command until it ends or standard input is closed; return its exit code."""
    unwanted = threading.Event()
    for shielded in (signal.SIGINT, signal.SIGHUP):
        signal.signal(shielded, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: unwanted.set())
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, start_new_session=True, restore_signals=True, preexec_fn=_listen
    )
    threading.Thread(target=_watch_input, args=(unwanted,), daemon=True).start()
    while process.poll() is None and not unwanted.is_set():
        unwanted.wait(0.2)
    end_family(process)
    return process.returncode


def end_family(process: "subprocess.Popen[bytes]") -> None:
    """End a process and everything in its session or below it: asked first, then killed."""
    family = _family(process)
    for seconds in GENTLY:
        if process.poll() is not None:
            break
        _signal_session(process.pid, signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            family |= _family(process)
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()
    psutil.wait_procs(family, timeout=5)


def _family(process: "subprocess.Popen[bytes]") -> set[psutil.Process]:
    """Return the process and all below it, and what it started that is below somebody else by now."""
    found = set()
    for member in psutil.process_iter():
        try:
            if os.getsid(member.pid) == process.pid:
                found |= {member, *member.children(recursive=True)}
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue
    return found


def _signal_session(leader: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


def _listen() -> None:
    """Let the command answer the signals that its keeper ignores."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _watch_input(unwanted: threading.Event) -> None:
    sys.stdin.buffer.read()
    unwanted.set()


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1:]))
