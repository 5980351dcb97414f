"""Registered models: plain files and the script that rebuilds the model from them, with a champion a name."""

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.types import ColSpec, DataType, Schema

from pipeline.backtest.intraday_state import step_years
from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import AnyDesk, desk_as_json, hedged
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.execution.learned_costs import LearnedCosts
from pipeline.forecasts.task import SESSIONS_PER_YEAR
from pipeline.ingest.code_version import code_files
from pipeline.ingest.store import Dataset
from pipeline.monitor.reference import Reference
from pipeline.policies.catalogue import FLAGSHIP
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.live_choice import FITTED, live_of
from pipeline.policies.saved_network import LEARNED
from pipeline.tracking.promotion import CHALLENGER, CHAMPION, RUN, crown
from pipeline.tracking.served.execution_costs import PAID, SEEN
from pipeline.tracking.served.learned_band import seen_by
from pipeline.tracking.served.policy import ANSWER, STEP, inputs_of

MONITORS = "monitors"
"""File beside the detector: what the monitors of the models compare with."""
REQUIRED = ("hmmlearn", "lightgbm", "mlflow", "numba", "numpy", "pandas", "pydantic", "scikit-learn", "scipy")
SERVED, LEARNED_BAND, POLICY = "pipeline.tracking.served", "learned_band", "policy"
DETECTOR, VOLATILITY, LIQUIDITY, EVENTS = (
    "regime_detector", "volatility_forecaster", "liquidity_forecaster", "event_forecaster",
)  # fmt: skip
EXECUTION = "execution_costs"
BACKTEST = "backtest"
"""Tag of a version: dataset of the backtest whose models it is one of, which says all that these came of."""
MEANING = {
    EXECUTION: "Orders in their market to what they are expected to pay beside the mid, from own fills.",
    DETECTOR: "Features in time order to filtered regime probabilities, regime 0 the calmest.",
    VOLATILITY: "Features to the variance of the option's life, as annual volatility too.",
    LIQUIDITY: "Features to the illiquidity of the next session, or the next cost of crossing.",
    EVENTS: "Features to the probabilities of a volatility spike and of a liquidity gap in the next step.",
    **dict.fromkeys(
        FITTED, "Market states to the no-trade band of the hedge and where to go from outside, in its units."
    ),
    **{
        policy: "Market states to the hedge that a trained network makes of "
        f"{kind.untrained or 'nothing'}, {policy}."
        for policy, kind in LEARNED.items()
    },
}
"""What each model does, as MLflow's pages say it."""


log = logging.getLogger(__name__)


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


def log_models(
    desk: Desk | IntradayDesk, signals: Dataset, backtest: Dataset, watched: Reference | None = None
) -> dict[str, ModelInfo]:
    """Log the desk's models into the active run and return them by name.

    `watched` is what their monitors compare with; it lies with the detector.

    Every model carries the code that the desk's models need, so that it can be loaded when the project has
    moved on: that of all of them, for a process that loads several imports the code of the first. MLflow
    attaches every metric that the run has by then to every model: log the models first.
    """
    with tempfile.TemporaryDirectory() as folder:
        models = served_models(desk, Path(folder), signals, backtest, watched)
        code = _code({f"{SERVED}.{model.script}" for model in models}, Path(folder))
        return {model.name: _log(model, code) for model in models}


def log_hedger(desk: AnyDesk, policy: str, network: Path) -> ModelInfo:
    """Log a hedger that learned, the checkpoint `network`, into the active run."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "desk.json")
        settings.write_text(desk_as_json(desk), encoding="utf-8")
        files = {"desk": settings, "network": network}
        seen = seen_by(hedged(desk), policy, Checkpoint.read(network))
        model = ServedModel(policy, LEARNED_BAND, files, seen, ANSWER)
        return _log(model, _code({f"{SERVED}.{LEARNED_BAND}"}, Path(folder)))


def log_costs(costs: LearnedCosts) -> ModelInfo:
    """Log what own fills taught into the active run."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "costs.json")
        file.write_text(costs.to_json(), encoding="utf-8")
        model = ServedModel(EXECUTION, EXECUTION, {"costs": file}, SEEN, PAID)
        return _log(model, _code({f"{SERVED}.{EXECUTION}"}, Path(folder)))


def costs_in(version: ModelVersion) -> LearnedCosts:
    """Return what `log_costs` logged."""
    return LearnedCosts.from_json(files_of(version)["costs"].read_bytes())


def register(
    client: MlflowClient,
    desk: AnyDesk,
    models: Mapping[str, ModelInfo],
    marks: Mapping[str, str],
) -> dict[str, str]:
    """Register logged models; `marks` are the tags of each version. Who is the champion does not change.

    Returns
    -------
    Version by registered name, `<desk>.<model>`.
    """
    return {
        f"{desk.name}.{name}": _new_version(client, desk, name, logged, marks)
        for name, logged in models.items()
    }


def place(
    client: MlflowClient,
    mlruns: Path,
    versions: Mapping[str, str],
    alias: str,
    staying: Collection[str] = (),
    approval: bool = False,
) -> None:
    """Make versions champions, or challengers but for those that are champions, or were fitted as these were.

    `staying` are models whose challengers stay in their place. A fitted hedger whom the desk file names anew
    has nobody to challenge: it is champion at once, unless champions need a person's `approval`.
    """
    new = _no_champions(client, versions)
    if alias == CHAMPION:
        crown(client, mlruns, new, RUN)
        return
    first = {
        name: version
        for name, version in new.items()
        if name.rpartition(".")[2] in FITTED and champion(client, name) is None and not approval
    }
    crown(client, mlruns, first, RUN)
    new = {name: version for name, version in new.items() if name not in first}
    for name, version in new.items():
        if name.rpartition(".")[2] in staying:
            continue
        if _fitted_alike(client, name, version):
            log.info("%s %s is the champion once more: it challenges nobody", name, version)
            continue
        client.set_registered_model_alias(name, CHALLENGER, version)


def approves(desk: AnyDesk) -> bool:
    """Tell whether a person has to approve who becomes a desk's champion, the first one too."""
    return isinstance(desk, Desk | IntradayDesk) and desk.promotion.approval


def place_of_new(desk: AnyDesk) -> str:
    """Return the alias of models that a person makes: champions, unless a person has to approve these."""
    return CHALLENGER if approves(desk) else CHAMPION


def versions_of(client: MlflowClient, run_id: str) -> dict[str, str]:
    """Return the versions that an earlier run has registered, by name."""
    return {each.name: str(each.version) for each in client.search_model_versions(f"run_id = '{run_id}'")}


def network_version(client: MlflowClient, model: str, network: str) -> str:
    """Return the newest version of a registered hedger that is the file `network`; empty if there is none."""
    found = client.search_model_versions(f"name = '{model}'")
    own = [int(each.version) for each in found if each.tags.get("network") == network]
    return str(max(own)) if own else ""


def _no_champions(client: MlflowClient, versions: Mapping[str, str]) -> dict[str, str]:
    reigning = {name: champion(client, name) for name in versions}
    return {
        name: version
        for name, version in versions.items()
        if (other := reigning[name]) is None or str(other.version) != version
    }


def _fitted_alike(client: MlflowClient, name: str, version: str) -> bool:
    """Tell whether a version was fitted as its champion was: by the same code on the same data."""
    if name.endswith(f".{EXECUTION}"):  # of own fills
        return False
    reigning, backtest = champion(client, name), client.get_model_version(name, version).tags.get(BACKTEST)
    return reigning is not None and backtest is not None and reigning.tags.get(BACKTEST) == backtest


def champion(client: MlflowClient, name: str, alias: str = CHAMPION) -> ModelVersion | None:
    """Return the champion of a registered model, or who has another alias; or None."""
    try:
        return client.get_model_version_by_alias(name, alias)
    except mlflow.MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def files_of(version: ModelVersion) -> dict[str, Path]:
    """Return the files of a version by the name under which they were logged."""
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{version.name}/{version.version}"))
    model = mlflow.models.Model.load(folder)
    logged = model.flavors["python_function"]["artifacts"]
    return {name: folder / entry["path"] for name, entry in logged.items()}


@dataclass(frozen=True)
class Tasks:
    """Names of what a desk's forecasters forecast: variances by horizon, liquidity and events."""

    variances: Mapping[int, str]
    liquidity: tuple[str, ...]
    events: tuple[str, ...]
    steps_a_year: float


def tasks_of(desk: Desk | IntradayDesk, signals: Dataset) -> Tasks:
    """Return the tasks of which a run left models; the first of liquidity is the one that is served."""
    horizons = desk.forecasts.horizons
    if isinstance(desk, IntradayDesk):
        variances = {horizon: f"variance_{horizon}" for horizon in horizons}
        liquidity: tuple[str, ...] = ("crossing_cost", "half_spread", "depth")
        events, steps = ("spike", "gap"), 1.0 / step_years(signals["signals"])
    else:
        variances = {horizon: f"variance_{horizon}d" for horizon in horizons}
        liquidity, events, steps = ("illiquidity_1d",), ("spike_1d", "gap_1d"), float(SESSIONS_PER_YEAR)
    left = {file.removeprefix("walks/").removesuffix(".npz") for file in signals.files}
    return Tasks(
        variances,
        tuple(task for task in liquidity if task in left),
        tuple(task for task in events if task in left),
        steps,
    )


def served_models(
    desk: Desk | IntradayDesk,
    folder: Path,
    signals: Dataset,
    backtest: Dataset,
    watched: Reference | None = None,
) -> list[ServedModel]:
    """Return the models that a run leaves: detector, volatility, events, liquidity, and who gives bands.

    The forecasters also carry what `backtest.continuation` needs to go on with the walk. What is written of
    the desk lies in `folder`.
    """
    steps, tasks = hedged(desk), tasks_of(desk, signals)
    settings, clock = folder / "desk.json", folder / "clock.json"
    settings.write_text(desk_as_json(desk), encoding="utf-8")
    clock.write_text(json.dumps({"steps_a_year": tasks.steps_a_year}), encoding="utf-8")
    life = min(horizon for horizon in tasks.variances if horizon >= steps.option.sessions)
    prob = tuple(f"regime_prob_{k}" for k in range(steps.regimes.count))
    arrays = {"desk": settings, "arrays": signals.file("models/regime.npz")}
    if watched is not None:
        arrays[MONITORS] = folder / f"{MONITORS}.npz"
        arrays[MONITORS].write_bytes(watched.to_bytes())
    walks = tuple(tasks.variances.values())
    models = [
        ServedModel(DETECTOR, DETECTOR, arrays, steps.regimes.features, prob),
        _forecaster(VOLATILITY, signals, tasks.variances[life], walks, ("forecast", "annual_vol"), clock),
    ]
    if tasks.events:
        models.append(_events(signals, tasks.events))
    if tasks.liquidity:
        task = tasks.liquidity[0]
        models.append(_forecaster(LIQUIDITY, signals, task, tasks.liquidity, ("forecast",), clock))
    for hedger in dict.fromkeys((FLAGSHIP, live_of(desk))):
        if f"models/{hedger}.json" in backtest.files:
            files = {"desk": settings, "parameters": backtest.file(f"models/{hedger}.json")}
            if "models/terms.json" in backtest.files:
                files["terms"] = backtest.file("models/terms.json")
            further = () if hedger == FLAGSHIP else (STEP,)
            models.append(ServedModel(hedger, POLICY, files, (*inputs_of(steps), *further), ANSWER))
    return models


def _log(model: ServedModel, code: Path) -> ModelInfo:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*An input example was not provided")
        logged: ModelInfo = mlflow.pyfunc.log_model(
            name=model.name,
            python_model=str(code.joinpath(*SERVED.split(".")[1:], f"{model.script}.py")),
            artifacts={name: str(path) for name, path in model.files.items()},
            signature=model.signature,
            code_paths=[str(code)],
            pip_requirements=[f"{package}=={metadata.version(package)}" for package in REQUIRED],
        )
    return logged


def _code(modules: Iterable[str], folder: Path) -> Path:
    """Copy what modules need of the project into a folder and return the package that holds it."""
    files = {name: file for module in modules for name, file in code_files(module).items()}
    for name, file in files.items():
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return folder / SERVED.partition(".")[0]


def _new_version(
    client: MlflowClient,
    desk: AnyDesk,
    model: str,
    logged: ModelInfo,
    marks: Mapping[str, str],
) -> str:
    name = f"{desk.name}.{model}"
    try:
        client.create_registered_model(name, {"desk": desk.name}, MEANING[model])
    except mlflow.MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    version = client.create_model_version(
        name, logged.model_uri, logged.run_id, dict(marks), model_id=logged.model_id
    )
    return str(version.version)


def _forecaster(
    name: str, signals: Dataset, task: str, walks: tuple[str, ...], outputs: tuple[str, ...], clock: Path
) -> ServedModel:
    files = {"state": signals.file(f"models/{task}.json"), "clock": clock}
    files |= {walk: signals.file(f"walks/{walk}.npz") for walk in walks}
    return ServedModel(name, "forecaster", files, _inputs(signals, task), outputs)


def _events(signals: Dataset, tasks: tuple[str, ...]) -> ServedModel:
    inputs = dict.fromkeys(column for task in tasks for column in _inputs(signals, task))
    files = {task: signals.file(f"walks/{task}.npz") for task in tasks}
    outputs = tuple(f"{task.removesuffix('_1d')}_prob" for task in tasks)
    return ServedModel(EVENTS, EVENTS, files, tuple(inputs), outputs)


def _inputs(signals: Dataset, task: str) -> tuple[str, ...]:
    saved = json.loads(signals.read_bytes(f"models/{task}.json"))["task"]
    named = ("levels", "logs", "inputs", "tree_inputs", "spare_levels")
    return tuple(dict.fromkeys(column for kind in named for column in saved[kind]))
