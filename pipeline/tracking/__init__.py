"""MLflow: runs, the ledger of looks at test rows, registered models. The only importer of mlflow."""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
