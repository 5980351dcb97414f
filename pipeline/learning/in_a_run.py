"""Training a hedger in a run of its desk: in markets like one that was known before a window of its test."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.domain.desk_file import SimulatedDesk
from pipeline.ingest.packing import packed, unpacked
from pipeline.learning.learners import begun
from pipeline.learning.order import Order

if TYPE_CHECKING:
    from pipeline.deep.trainer import Trainer

NETWORK, STATE = "network.npz", "state.npz"


def learn_hedger(
    desk: SimulatedDesk, policy: str, order: Order, before: bytes | None = None
) -> dict[str, pd.DataFrame | bytes]:
    """Train a hedger for a desk (its `for_learning`) in simulated markets like one that is known.

    Parameters
    ----------
    before : `STATE` of the training that this one goes on from; None begins with nothing learned.

    Returns
    -------
    Table `curve` (`step` and the validation `risk` after it), the file `NETWORK`, a checkpoint that says in
    which market it learned, and `STATE`, what a later training needs to go on.

    Raises
    ------
    FitError
        The training diverged.
    SettingsError
        The extra that trains it is not installed.
    """
    trainer = begun(policy, desk, order, None if before is None else unpacked(before))
    return {**learned(trainer), STATE: packed(trainer.state())}


def learned(trainer: "Trainer[Any]") -> dict[str, pd.DataFrame | bytes]:
    """Train, and return the table `curve` and the file `NETWORK`.

    Raises
    ------
    FitError
        The training diverged.
    """
    from pipeline.deep.training import train

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, NETWORK)
        trained = train(trainer, file)
        content = file.read_bytes()
    return {"curve": pd.DataFrame(trained.history, columns=["step", "risk"]), NETWORK: content}
