"""MLflow's own pages on the right database."""

import subprocess
import sys
from pathlib import Path

from pipeline.domain.errors import StoreError
from pipeline.tracking.database import database_uri


def serve(mlruns: Path, port: int) -> None:
    """Serve MLflow's pages on 127.0.0.1 until the process is interrupted.

    Raises
    ------
    StoreError
        No run was tracked there yet, or the server could not start.
    """
    if not (mlruns / "mlflow.db").is_file():
        raise StoreError(f"{mlruns} holds no runs yet: start with `hedge run spx-daily`")
    print(f"MLflow on http://127.0.0.1:{port} (Ctrl-C ends it)", flush=True)
    with subprocess.Popen(ui_command(mlruns, port)) as server:
        try:
            ended = server.wait()
        finally:
            server.terminate()
    if ended:
        raise StoreError(f"MLflow's server ended with code {ended}: is port {port} in use? Try --port")


def ui_command(mlruns: Path, port: int) -> list[str]:
    """Return the command that serves the runs in `mlruns`.

    Examples
    --------
    >>> ui_command(Path("/desk/mlruns"), 5000)[4:6]
    ['--backend-store-uri', 'sqlite:////desk/mlruns/mlflow.db']
    """
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", database_uri(mlruns)]
    artifacts = (mlruns / "artifacts").resolve().as_uri()
    return [*command, "--default-artifact-root", artifacts, "--host", "127.0.0.1", "--port", str(port)]
