"""Training a hedger in a run of its desk: in markets like one that was known before a window of its test."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.domain.desk_file import SimulatedDesk
from pipeline.ingest.packing import packed, unpacked
from pipeline.learning.learners import LEARNERS
from pipeline.learning.order import Order
from pipeline.policies.checkpoint import SEEN, Checkpoint
from pipeline.policies.served_networks import MARKET

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
    trainer = LEARNERS[policy].of(desk, order)
    if before is not None:
        trainer.go_on_from(unpacked(before))
    told = {MARKET: order.known.model_dump(mode="json"), "goes_on": before is not None}
    told |= {SEEN: order.seen_until} if order.seen_until else {}
    return {**learned(trainer, told), STATE: packed(trainer.state())}


def learned(trainer: "Trainer[Any]", told: Mapping[str, Any]) -> dict[str, pd.DataFrame | bytes]:
    """Train, and return the table `curve` and the file `NETWORK`, whose facts are the trainer's and `told`.

    Raises
    ------
    FitError
        The training diverged.
    """
    from pipeline.deep.training import train

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, NETWORK)
        trained = train(trainer, file)
        network = Checkpoint.read(file)
        replace(network, facts={**network.facts, **told}).write(file)
        content = file.read_bytes()
    return {"curve": pd.DataFrame(trained.history, columns=["step", "risk"]), NETWORK: content}
