"""MLflow: runs, the ledger of looks at test rows, registered models. The only importer of mlflow."""

import os
import warnings

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")

with warnings.catch_warnings():
    # MLflow warns about type hints of its own while it is imported.
    warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType", UserWarning)
    import mlflow.pyfunc.model  # noqa: F401
