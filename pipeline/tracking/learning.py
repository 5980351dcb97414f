"""Trainings of hedgers that learn, in MLflow: settings, learning curve, and what came out as a model."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.domain.desk_file import AnyDesk
from pipeline.domain.home import Home
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.saved_network import terms_digest
from pipeline.tracking.database import connect, experiment_id
from pipeline.tracking.registry import champion, log_hedger, network_version, place, place_of_new, register
from pipeline.tracking.runs import end_orphans, log_settings, log_tags, tracked_run

RISK = "validation_risk"
GAINED = "gained"
"""Tag of a version: whether its training gained anything (`Checkpoint.gained`); else it gets no alias."""
Log = Callable[[int, float], None]


class Curve:
    """The learning curve of one training; a point is logged once."""

    def __init__(self, client: MlflowClient, mlruns: Path, run_id: str) -> None:
        self._client, self._mlruns, self.run_id = client, mlruns, run_id
        self._known: set[int] = set()

    def __call__(self, step: int, risk: float) -> None:
        """Log the validation risk after so many steps."""
        self.complete([(step, risk)])

    def complete(self, history: Sequence[tuple[int, float]]) -> None:
        """Log what of a history is not there yet: what a training that went on had reached before."""
        now = int(time.time() * 1000)
        new = [Metric(RISK, risk, now, step) for step, risk in history if step not in self._known]
        self._known |= {step for step, _ in history}
        self._client.log_batch(self.run_id, metrics=new)

    def hold(self, network: Path) -> None:
        """Keep the trained file with the run, and name it."""
        self._client.log_artifact(self.run_id, str(network), "network")
        log_tags(self._client, self.run_id, {"network": network.name})

    def keep(self, desk: AnyDesk, policy: str, network: Path) -> str:
        """Keep the trained file with the run, name it, and register it; who is the champion does not change.

        Returns
        -------
        The version of the registered model `<desk>.<policy>`.
        """
        self.hold(network)
        marks = {"desk": desk.name, "network": network.name, "terms": terms_digest(desk)}
        marks |= {GAINED: str(Checkpoint.read(network).gained)}
        models = {policy: log_hedger(desk, policy, network)}
        (version,) = register(self._client, desk, models, marks).values()
        return version

    def place(self, desk: AnyDesk, policy: str, version: str) -> str:
        """Make a kept version its policy's champion, or challenger (`place_of_new`), and return which.

        One whose training gained nothing becomes neither: "" is returned, and who is champion stays it.
        """
        name, alias = f"{desk.name}.{policy}", place_of_new(desk)
        if not _gained(self._client, name, version):
            return ""
        place(self._client, self._mlruns, {name: version}, alias)
        return alias

    def champion(self, desk: AnyDesk, policy: str) -> str:
        """Return the version that is a policy's champion; empty if there is none."""
        reigning = champion(self._client, f"{desk.name}.{policy}")
        return str(reigning.version) if reigning else ""


@contextmanager
def tracked_training(
    home: Home, desk: str, policy: str, settings: Mapping[str, object], parent: str = ""
) -> Iterator[Curve]:
    """Open a run of kind `training` in the desk's experiment; see `runs.tracked_run` for how it ends.

    A training that was interrupted leaves a run that is KILLED, and goes on in one of its own. `parent` is
    the run under which it is shown.
    """
    client = connect(home.mlruns)
    experiment = experiment_id(client, home.mlruns, desk)
    end_orphans(client, experiment)
    marks = {"desk": desk, "kind": "training", "policy": policy}
    marks |= {MLFLOW_PARENT_RUN_ID: parent} if parent else {}
    with tracked_run(experiment, f"{policy}-{desk}", marks) as run_id:
        log_settings(client, run_id, settings)
        yield Curve(client, home.mlruns, run_id)


@dataclass(frozen=True)
class LearnedNetwork:
    """A training that is over: its file, what it was told, and its learning curve."""

    file: Path
    told: Mapping[str, object]
    history: Sequence[tuple[int, float]]


def register_newest(home: Home, desk: AnyDesk, policy: str, trained: Sequence[LearnedNetwork]) -> None:
    """Track trainings that went on from each other, each once, and register the last one, once.

    Those after the first are shown under it. Who is the champion does not change, see `run_networks`.
    """
    client, newest, parent = connect(home.mlruns), trained[-1], ""
    known = network_version(client, f"{desk.name}.{policy}", newest.file.name)
    for each in trained:
        run = _tracked(client, home, desk.name, policy, each.file.name)
        if not run or (each is newest and not known):
            with tracked_training(home, desk.name, policy, each.told, parent) as curve:
                curve.complete(each.history)
                if each is newest:
                    curve.keep(desk, policy, each.file)
                else:
                    curve.hold(each.file)
                run = curve.run_id
        parent = parent or run


def run_networks(
    client: MlflowClient, desk: str, trained: Mapping[str, Mapping[date, str]]
) -> dict[str, str]:
    """Return the versions of the newest networks that a run has trained, by registered name.

    They take the place of champions or challengers together with the other models of the run; a network
    whose training gained nothing takes none. `trained` are its files by policy and first day.
    """
    newest = {f"{desk}.{policy}": dated[max(dated)] for policy, dated in trained.items()}
    found = {name: network_version(client, name, file) for name, file in newest.items()}
    return {name: version for name, version in found.items() if version and _gained(client, name, version)}


def _gained(client: MlflowClient, model: str, version: str) -> bool:
    return client.get_model_version(model, version).tags[GAINED] == str(True)


def _tracked(client: MlflowClient, home: Home, desk: str, policy: str, network: str) -> str:
    """Return the newest finished run that a network was trained in, empty if there is none."""
    wanted = {"tags.kind": "training", "tags.policy": policy, "tags.network": network}
    wanted |= {"attributes.status": "FINISHED"}
    query = " and ".join(f"{key} = '{value}'" for key, value in wanted.items())
    found = client.search_runs([experiment_id(client, home.mlruns, desk)], query, max_results=1)
    return str(found[0].info.run_id) if found else ""
