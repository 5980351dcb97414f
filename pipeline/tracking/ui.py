"""MLflow's own pages on the right database."""

import os
import socket
import sys
from pathlib import Path

from pipeline.domain.errors import SettingsError, StoreError
from pipeline.domain.pages import experiments_page
from pipeline.tracking.database import connect, database_uri

HOST = "127.0.0.1"


def serve(mlruns: Path, port: int) -> None:
    """Become MLflow's server on 127.0.0.1; it runs until the process is interrupted or ended.

    Raises
    ------
    StoreError
        No run was tracked there yet.
    SettingsError
        The port is taken.
    """
    if not (mlruns / "mlflow.db").is_file():
        raise StoreError(f"{mlruns} holds no runs yet: start with `hedge run spx-daily`")
    _check_free(port)
    print(f"MLflow on {experiments_page(f'http://{HOST}:{port}')} (Ctrl-C ends it)", flush=True)
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    os.execv(sys.executable, ui_command(mlruns, port))


def serve_from_the_start(mlruns: Path, port: int) -> None:
    """Serve also where no run was tracked yet: the database is made first."""
    connect(mlruns)
    serve(mlruns, port)


def ui_command(mlruns: Path, port: int) -> list[str]:
    """Return the command that serves the runs in `mlruns`.

    Examples
    --------
    >>> ui_command(Path("/desk/mlruns"), 5000)[4:6]
    ['--backend-store-uri', 'sqlite:////desk/mlruns/mlflow.db']
    """
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", database_uri(mlruns)]
    artifacts = (mlruns / "artifacts").resolve().as_uri()
    place = ["--host", HOST, "--port", str(port), "--workers", "1"]
    return [*command, "--default-artifact-root", artifacts, *place]


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise SettingsError(f"--port {port} is taken on {HOST}: name another one") from None


if __name__ == "__main__":
    serve_from_the_start(Path(sys.argv[1]), int(sys.argv[2]))
