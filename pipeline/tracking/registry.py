"""Registered models: plain files and the script that rebuilds the model from them, with a champion a name."""

import json
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.models import ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.types import ColSpec, DataType, Schema

import pipeline
from pipeline.domain.desk import Desk
from pipeline.ingest.store import Dataset
from pipeline.policies.catalogue import FLAGSHIP
from pipeline.tracking.served.regime_switched import COLUMNS

CHAMPION = "champion"
REQUIRED = ("hmmlearn", "lightgbm", "mlflow", "numba", "numpy", "pandas", "pydantic", "scikit-learn", "scipy")
SERVED = Path(__file__).parent / "served"


@dataclass(frozen=True)
class ServedModel:
    """A model to register: its script under `served`, its files by name, its columns in and out."""

    name: str
    script: str
    files: Mapping[str, Path]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def signature(self) -> ModelSignature:
        """All columns are numbers; an input may be NaN."""
        return ModelSignature(inputs=_numbers(self.inputs), outputs=_numbers(self.outputs))


def _numbers(columns: tuple[str, ...]) -> Schema:
    return Schema([ColSpec(DataType.double, name) for name in columns])


def register(client: MlflowClient, desk: Desk, signals: Dataset, backtest: Dataset) -> dict[str, str]:
    """Log the desk's models into the active run, register them and make each new version the champion.

    Every model carries the project's code, so that it can be loaded when the project has moved on.

    Returns
    -------
    Version by registered name, `<desk>.<model>`.
    """
    versions = {}
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "desk.json"
        settings.write_text(json.dumps(desk.model_dump(mode="json"), indent=2), encoding="utf-8")
        for model in served_models(desk, settings, signals, backtest):
            registered = f"{desk.name}.{model.name}"
            versions[registered] = _new_version(client, registered, _log(model))
            client.set_registered_model_alias(registered, CHAMPION, versions[registered])
    return versions


def served_models(desk: Desk, settings: Path, signals: Dataset, backtest: Dataset) -> list[ServedModel]:
    """Return the models that a run leaves: detector, volatility, and liquidity and flagship if learned."""
    life = min(horizon for horizon in desk.forecasts.horizons if horizon >= desk.option.sessions)
    prob = tuple(f"regime_prob_{k}" for k in range(desk.regimes.states))
    arrays = {"desk": settings, "arrays": signals.file("models/regime.npz")}
    models = [
        ServedModel("regime_detector", "regime_detector", arrays, desk.regimes.features, prob),
        _forecaster("volatility_forecaster", signals, f"variance_{life}d", ("forecast", "annual_vol")),
    ]
    if "models/illiquidity_1d.json" in signals.files:
        models.append(_forecaster("liquidity_forecaster", signals, "illiquidity_1d", ("forecast",)))
    if f"models/{FLAGSHIP}.json" in backtest.files:
        files = {"desk": settings, "parameters": backtest.file(f"models/{FLAGSHIP}.json")}
        models.append(ServedModel(FLAGSHIP, FLAGSHIP, files, (*COLUMNS, *prob), ("lower", "upper")))
    return models


def _log(model: ServedModel) -> ModelInfo:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*An input example was not provided")
        logged: ModelInfo = mlflow.pyfunc.log_model(
            name=model.name,
            python_model=str(SERVED / f"{model.script}.py"),
            artifacts={name: str(path) for name, path in model.files.items()},
            signature=model.signature,
            code_paths=[str(Path(pipeline.__file__).parent)],
            pip_requirements=[f"{package}=={metadata.version(package)}" for package in REQUIRED],
        )
    return logged


def _new_version(client: MlflowClient, name: str, logged: ModelInfo) -> str:
    try:
        client.create_registered_model(name)
    except mlflow.MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    version = client.create_model_version(name, logged.model_uri, logged.run_id, model_id=logged.model_id)
    return str(version.version)


def _forecaster(name: str, signals: Dataset, task: str, outputs: tuple[str, ...]) -> ServedModel:
    state = signals.file(f"models/{task}.json")
    saved = json.loads(state.read_text(encoding="utf-8"))["task"]
    inputs = (*saved["levels"], *saved["inputs"], *saved["tree_inputs"])
    return ServedModel(name, "forecaster", {"state": state}, inputs, outputs)
