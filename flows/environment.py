"""What must stand in the environment before Prefect and MLflow are imported."""

import os

from pipeline.domain.home import Home

PRIVATE = {
    "DO_NOT_TRACK": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""Nothing is sent home."""

PATIENT = {
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
}
"""A run without a server starts one of its own, which takes its time in a fresh home."""

LOGGED = {
    "PREFECT_LOGGING_EXTRA_LOGGERS": "pipeline,flows",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}
"""The pipeline's own log lines stand on the page of the flow run."""


def prepare(home: Home) -> None:
    """Set what is not set yet; `flows` does it when it is imported, so that a worker gets it too.

    Prefect's own files go to `data/.prefect` under the home, unless a server (PREFECT_API_URL) or another
    place (PREFECT_HOME) is set.
    """
    defaults = PRIVATE | PATIENT | LOGGED
    if "PREFECT_API_URL" not in os.environ:
        defaults["PREFECT_HOME"] = str(home.data / ".prefect")
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def silence_console() -> None:
    """Keep Prefect's own log off the terminal; the server gets it."""
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
