"""MLflow's own pages on the right database."""

import os
import socket
import sys
from pathlib import Path

from pipeline.domain.errors import SettingsError, StoreError
from pipeline.tracking.database import database_uri

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
    print(f"MLflow on http://{HOST}:{port} (Ctrl-C ends it)", flush=True)
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    os.execv(sys.executable, ui_command(mlruns, port))


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
