"""Training a hedger: resumed where it was interrupted, stopped where it diverges."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from pipeline.deep.trainer import DivergedError, Learned, Trainer, one_thread
from pipeline.domain.errors import FitError, StoreError
from pipeline.policies.checkpoint import Checkpoint

Report = Callable[[int, float], None]


@dataclass(frozen=True)
class Trained(Generic[Learned]):
    """What was learned, and the validation risk at each checkpoint: step 0 is the untrained hedger."""

    learned: Learned
    history: tuple[tuple[int, float], ...]


@one_thread()
def train(
    trainer: Trainer[Learned], path: Path | None = None, report: Report | None = None
) -> Trained[Learned]:
    """Train a hedger, and keep checkpoints at `path`; an interrupted training goes on from its last.

    Where it goes on does not matter: an interrupted training ends in the bits of one that was not.

    Parameters
    ----------
    trainer : of which no step is taken yet.
    report : is told the step and the validation risk at every checkpoint.

    Raises
    ------
    FitError
        Training diverged: something is no number, or the validation risk is far above the untrained one
        (`Trainer.most_worse`). The last good checkpoint stays.
    StoreError
        The checkpoint at `path` is damaged, or of another desk, plan or version.
    """
    if path is not None and path.exists():
        _resume(trainer, path)
    else:
        trainer.begin()
    steps, every = trainer.plan.steps, trainer.plan.save_every
    try:
        while trainer.step < steps:
            trainer.take_step()
            if trainer.step % every == 0 or trainer.step == steps:
                _keep(trainer, path, report)
    except DivergedError as why:
        raise FitError(_diverged(trainer, why, path)) from why
    return Trained(trainer.learned(), tuple(trainer.history))


def _resume(trainer: Trainer[Learned], path: Path) -> None:
    try:
        checkpoint = Checkpoint.read(path)
    except StoreError as why:
        raise StoreError(f"{why}, from the start: remove this file") from why
    try:
        trainer.resume(checkpoint)
    except StoreError as why:
        raise StoreError(f"{path}: {why}, or remove this one to begin anew") from why


def _keep(trainer: Trainer[Learned], path: Path | None, report: Report | None) -> None:
    untrained, risk = trainer.history[0][1], trainer.validated()
    if not risk <= untrained + trainer.most_worse * trainer.size(untrained):
        raise DivergedError(f"the risk is {risk:g}, untrained it was {untrained:g}")
    trainer.history.append((trainer.step, risk))
    if path is not None:
        trainer.checkpoint().write(path)
    if report is not None:
        report(trainer.step, risk)


def _diverged(trainer: Trainer[Learned], why: DivergedError, path: Path | None) -> str:
    step, risk = trainer.history[-1]
    kept = f"kept in {path}" if path and step else "there is no checkpoint yet"
    return (
        f"training diverged after {trainer.step} steps: {why}; at step {step} the risk was {risk:g}, {kept}; "
        f"lower the learning rate of {trainer.plan.learning_rate:g}, or train on more paths"
    )
