"""The champions of a desk, rebuilt from the files that the registry holds; nothing is fitted."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from pydantic import ValidationError

from pipeline.backtest.continuation import Continuation
from pipeline.backtest.intraday_stream import FittedIntraday
from pipeline.backtest.stream import FittedSignals
from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import desk_from_json, hedged
from pipeline.domain.errors import StoreError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.execution.learned_costs import NOTHING, LearnedCosts
from pipeline.monitor.reference import Reference
from pipeline.policies.base import Policy
from pipeline.policies.catalogue import FLAGSHIP
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.saved_network import LEARNED
from pipeline.policies.written import restored
from pipeline.regimes.catalogue import DETECTORS
from pipeline.tracking.database import connect
from pipeline.tracking.promotion import CHALLENGER, CHAMPION
from pipeline.tracking.registry import (
    DETECTOR,
    EVENTS,
    EXECUTION,
    LIQUIDITY,
    MONITORS,
    VOLATILITY,
    champion,
    costs_in,
    files_of,
)

NEEDED = (DETECTOR, VOLATILITY)
OFFERED = (*NEEDED, EVENTS, LIQUIDITY, FLAGSHIP, EXECUTION)


@dataclass(frozen=True)
class ModelCard:
    """Which version of a registered model was used, and the MLflow run and report that it comes from."""

    name: str
    version: str
    run_id: str
    report: str
    code_version: str


@dataclass(frozen=True)
class Champions:
    """What a desk decides with: signals, a fitted policy (None where there is none), and their cards.

    `fitted` is the hedger, or the flagship where that learned; `terms` are the costs beside forecasts that it
    was fitted with, of a desk within the day;
    `monitors` what its models are watched with, where the days of their training sufficed; `costs` what its
    own fills taught; `hedger` the policy that gives the band, and `network` its own where it learned.
    """

    signals: FittedSignals | FittedIntraday
    fitted: Policy | None
    cards: tuple[ModelCard, ...]
    terms: Mapping[str, float] | None = None
    monitors: Reference | None = None
    costs: LearnedCosts = NOTHING
    hedger: str = FLAGSHIP
    network: Checkpoint | None = None


def load_champions(
    mlruns: Path, desk: str, named: str, challenging: Collection[str] = (), hedger: str = FLAGSHIP
) -> Champions:
    """Load the champion version of every registered model of a desk; `named` is what the user calls it.

    Of the models in `challenging` its challenger, where one has any. `hedger` gives the band: a policy that
    was fitted, or one that learned, whose network is loaded beside the flagship.

    Raises
    ------
    StoreError
        There is no champion, or its files are missing or were written by other code; the message says which
        command makes a new one.
    """
    if not (mlruns / "mlflow.db").is_file():
        raise StoreError(f"desk {desk} has no champion yet in {mlruns}: `hedge run {named}` makes one")
    client = connect(mlruns)
    versions = versions_with(client, desk, challenging, hedger)
    if missing := [model for model in NEEDED if model not in versions]:
        raise _none_yet(client, desk, missing[0], f"promote {named}", f"run {named}")
    if hedger not in (FLAGSHIP, *versions):
        made = f"train {named} --policy {hedger}" if hedger in LEARNED else f"run {named}"
        raise _none_yet(client, desk, hedger, f"promote {named} --model {hedger}", made)
    own = FLAGSHIP if hedger in LEARNED else hedger
    try:
        files = {model: files_of(version) for model, version in versions.items()}
        signals = _signals(files)
        fitted = _policy(files[own]["parameters"]) if own in files else None
        terms = files.get(own, {}).get("terms")
        charged = None if terms is None else json.loads(terms.read_bytes())
        learned = files[DETECTOR].get(MONITORS)
        watched = None if learned is None else Reference.from_bytes(learned.read_bytes())
        costs = costs_in(versions[EXECUTION]) if EXECUTION in versions else NOTHING
        network = Checkpoint.read(files[hedger]["network"]) if hedger in LEARNED else None
    except (KeyError, TypeError, ValueError, ValidationError, OSError, mlflow.MlflowException) as error:
        cause = str(error).splitlines()[0]
        raise StoreError(
            f"the champion of desk {desk} cannot be read ({cause}): `hedge run {named} --force` "
            "makes a new one"
        ) from None
    cards = tuple(_card(version) for version in versions.values())
    return Champions(signals, fitted, cards, charged, watched, costs, hedger, network)


def unchallenged(mlruns: Path, desk: str, models: Collection[str], hedger: str) -> list[str]:
    """Return which of some models a desk decides with and has no champion of: they challenge nobody."""
    client = connect(mlruns)
    needed = (model for model in (*NEEDED, hedger) if model in models)
    return [model for model in needed if champion(client, f"{desk}.{model}") is None]


def _none_yet(client: MlflowClient, desk: str, model: str, promoted: str, made: str) -> StoreError:
    """Return the error that says which command makes a champion: the first promotes one that waits."""
    makes = promoted if champion(client, f"{desk}.{model}", CHALLENGER) else made
    return StoreError(f"desk {desk} has no champion {model} yet: `hedge {makes}` makes one")


def versions_with(
    client: MlflowClient, desk: str, challenging: Collection[str] = (), hedger: str = FLAGSHIP
) -> dict[str, ModelVersion]:
    """Return the versions that `load_champions` loads, by model."""
    versions = named_versions(client, desk, CHAMPION, hedger)
    waiting = named_versions(client, desk, CHALLENGER, hedger) if challenging else {}
    return versions | {model: version for model, version in waiting.items() if model in challenging}


def named_versions(
    client: MlflowClient, desk: str, alias: str, hedger: str = FLAGSHIP
) -> dict[str, ModelVersion]:
    """Return the versions of the models of a desk that have an alias, by model: `OFFERED` and the hedger."""
    models = dict.fromkeys((*OFFERED, hedger))
    found = {model: champion(client, f"{desk}.{model}", alias) for model in models}
    return {model: version for model, version in found.items() if version}


def line_of(versions: Mapping[str, ModelVersion]) -> str:
    """Return versions in one line, as evidence and audit name them."""
    return ", ".join(f"{each.name} {each.version}" for each in versions.values())


def _policy(file: Path) -> Policy:
    try:
        return restored(json.loads(file.read_bytes()))
    except StoreError as error:
        raise ValueError(str(error)) from None


def _signals(files: Mapping[str, Mapping[str, Path]]) -> FittedSignals | FittedIntraday:
    desk = desk_from_json(files[DETECTOR]["desk"].read_bytes())
    with np.load(files[DETECTOR]["arrays"], allow_pickle=False) as arrays:
        detector = DETECTORS[hedged(desk).regimes.detector].from_arrays(dict(arrays))
    walks = {
        model: {
            name: Continuation.from_bytes(path.read_bytes())
            for name, path in files.get(model, {}).items()
            if path.suffix == ".npz"
        }
        for model in (VOLATILITY, EVENTS, LIQUIDITY)
    }
    variance = {
        int(name.removeprefix("variance_").removesuffix("d")): walk
        for name, walk in walks[VOLATILITY].items()
    }
    events, liquidity = walks[EVENTS], walks[LIQUIDITY]
    if isinstance(desk, IntradayDesk):
        return FittedIntraday(desk, detector, variance, liquidity, events)
    if not isinstance(desk, Desk):
        raise ValueError("a desk of this kind leaves no champion")
    return FittedSignals(
        desk, detector, variance, events["spike_1d"], events.get("gap_1d"), liquidity.get("illiquidity_1d")
    )


def _card(version: ModelVersion) -> ModelCard:
    tags = version.tags
    return ModelCard(
        version.name,
        str(version.version),
        str(version.run_id),
        tags.get("report", ""),
        tags.get("code_version", ""),
    )
