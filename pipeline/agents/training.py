"""Training an agent: resumed where it was interrupted, stopped where it diverges."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.agents.plan import AgentPlan
from pipeline.agents.trainer import AgentTrainer
from pipeline.deep.task import HedgingTask
from pipeline.deep.trainer import LEAST
from pipeline.deep.training import Report, one_thread
from pipeline.domain.errors import FitError
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.network_band import NetworkBand

MOST_WORSE = 0.2
"""How far the validation risk may rise above the untrained one, as a share of it: agents stray at times."""


@dataclass(frozen=True)
class TrainedAgent:
    """A trained hedger, and the validation risk at each checkpoint: step 0 is the untrained one."""

    policy: NetworkBand
    history: tuple[tuple[int, float], ...]


def train(
    task: HedgingTask,
    plan: AgentPlan,
    path: Path | None = None,
    report: Report | None = None,
    desk: str = "",
) -> TrainedAgent:
    """Train an agent, and keep checkpoints at `path`; an interrupted training goes on from its last.

    Where it goes on does not matter: an interrupted training ends in the bits of one that was not.

    Parameters
    ----------
    report : is told the step and the validation risk at every checkpoint.
    desk : hash of the desk that it is trained for (`Checkpoint.of_desk`); empty is that of the task.

    Raises
    ------
    FitError
        Training diverged: a weight is no number, or the validation risk is a fifth above the untrained one.
        The last good checkpoint stays.
    StoreError
        The checkpoint at `path` is damaged, or of another desk, plan or version.
    """
    with one_thread():
        trainer = AgentTrainer(task, plan, desk)
        if path is not None and path.exists():
            trainer.resume(Checkpoint.read(path))
        else:
            trainer.history.append((0, trainer.validated()))
        while trainer.step < plan.lives:
            if not trainer.take_step():
                raise _diverged(trainer, float("nan"), path)
            if trainer.step % plan.save_every == 0 or trainer.step == plan.lives:
                _keep(trainer, path, report)
        return TrainedAgent(plan.kind(trainer.network()), tuple(trainer.history))


def _keep(trainer: AgentTrainer, path: Path | None, report: Report | None) -> None:
    untrained, risk = trainer.history[0][1], trainer.validated()
    size = max(abs(untrained), LEAST * trainer.task.process.spot)
    if not risk <= untrained + MOST_WORSE * size:
        raise _diverged(trainer, risk, path)
    trainer.history.append((trainer.step, risk))
    if path is not None:
        trainer.checkpoint().write(path)
    if report is not None:
        report(trainer.step, risk)


def _diverged(trainer: AgentTrainer, risk: float, path: Path | None) -> FitError:
    step, least = trainer.history[-1]
    kept = (
        f"the checkpoint of step {step} is kept in {path}" if path and step else "there is no checkpoint yet"
    )
    return FitError(
        f"training diverged at step {trainer.step + 1}: the risk is {risk:g}, "
        f"it was {least:g} at step {step}; {kept}; lower the learning rate of {trainer.plan.learning_rate:g}"
    )
