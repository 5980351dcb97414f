"""Training a network: resumed where it was interrupted, stopped where it diverges."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import torch

from pipeline.deep.learner import Net, Task
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.trainer import Trainer
from pipeline.domain.errors import FitError
from pipeline.policies.checkpoint import Checkpoint

MOST_WORSE = 0.05
"""How far the validation risk may rise above the untrained one, as a share of it."""
Report = Callable[[int, float], None]


@dataclass(frozen=True)
class Trained(Generic[Net]):
    """A trained network, and the validation risk at each checkpoint: step 0 is the untrained one."""

    network: Net
    history: tuple[tuple[int, float], ...]


def train(
    task: Task[Net, Any],
    plan: TrainingPlan,
    path: Path | None = None,
    report: Report | None = None,
    desk: str = "",
) -> Trained[Net]:
    """Train a network, and keep checkpoints at `path`; an interrupted training goes on from its last.

    Where it goes on does not matter: an interrupted training ends in the bits of one that was not.

    Parameters
    ----------
    report : is told the step and the validation risk at every checkpoint.
    desk : hash of the desk that it is trained for (`Checkpoint.of_desk`); empty is that of the task.

    Raises
    ------
    FitError
        Training diverged: a risk is no number, or that of validation is 5 % above the untrained one. The last
        good checkpoint stays.
    StoreError
        The checkpoint at `path` is damaged, or of another desk, plan or version.
    """
    with one_thread():
        trainer = Trainer(task, plan, desk)
        if path is not None and path.exists():
            trainer.resume(Checkpoint.read(path))
        else:
            trainer.history.append((0, trainer.validated()))
        while trainer.step < plan.steps:
            risk = trainer.take_step()
            if not math.isfinite(risk):
                raise _diverged(trainer, risk, path)
            if trainer.step % plan.save_every == 0 or trainer.step == plan.steps:
                _keep(trainer, path, report)
        return Trained(trainer.averaged(), tuple(trainer.history))


def _keep(trainer: Trainer[Net], path: Path | None, report: Report | None) -> None:
    untrained, risk = trainer.history[0][1], trainer.validated()
    if not risk <= untrained + MOST_WORSE * trainer.size(untrained):
        raise _diverged(trainer, risk, path)
    trainer.history.append((trainer.step, risk))
    if path is not None:
        trainer.checkpoint().write(path)
    if report is not None:
        report(trainer.step, risk)


def _diverged(trainer: Trainer[Net], risk: float, path: Path | None) -> FitError:
    step, least = trainer.history[-1]
    kept = (
        f"the checkpoint of step {step} is kept in {path}" if path and step else "there is no checkpoint yet"
    )
    return FitError(
        f"training diverged at step {trainer.step}: the risk is {risk:g}, it was {least:g} at step {step}; "
        f"{kept}; lower the learning rate of {trainer.plan.learning_rate:g}"
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch add up in one order, whatever the number of cores; our own loops use all of them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
