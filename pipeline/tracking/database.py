"""MLflow's database and artifacts under one folder."""

import logging
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from pipeline.domain.errors import StoreError
from pipeline.ingest.file_lock import file_lock

TRAINING = {"mlflow.experimentKind": "custom_model_development"}
"""Tells MLflow's pages that these are runs of models, not of prompts."""
BUSY = "another program is writing to it: run again when it is done"
BROKEN = "move it away and run again, or give another folder with --home"


def database_uri(mlruns: Path) -> str:
    """Return the tracking URI of MLflow's database in the folder `mlruns`.

    Examples
    --------
    >>> database_uri(Path("/home/desk/mlruns"))
    'sqlite:////home/desk/mlruns/mlflow.db'
    """
    return f"sqlite:///{mlruns.resolve()}/mlflow.db"


def connect(mlruns: Path) -> MlflowClient:
    """Point MLflow at the database in `mlruns`, made on the first call by one process at a time.

    Raises
    ------
    StoreError
        The database cannot be opened.
    """
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it is raised too
    uri = database_uri(mlruns)
    try:
        with file_lock(mlruns / ".lock"):
            mlflow.set_tracking_uri(uri)
            mlflow.set_registry_uri(uri)
            client = MlflowClient(uri, uri)
            client.search_experiments(max_results=1)
    except (mlflow.MlflowException, SQLAlchemyError, OSError) as error:
        cause = str(error).splitlines()[0]
        remedy = BUSY if "locked" in cause else BROKEN
        raise StoreError(f"{mlruns / 'mlflow.db'} cannot be opened ({cause}); {remedy}") from None
    return client


def experiment_id(client: MlflowClient, mlruns: Path, name: str) -> str:
    """Return the id of an experiment whose artifacts lie in `mlruns/artifacts`, made if it is not there."""
    with file_lock(mlruns / ".lock"):
        if found := client.get_experiment_by_name(name):
            return str(found.experiment_id)
        artifacts = (mlruns / "artifacts").resolve().as_uri()
        return str(client.create_experiment(name, artifact_location=artifacts, tags=TRAINING))
