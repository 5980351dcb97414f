"""Training a hedger in a run of its desk, on what was known before the test."""

import tempfile
from pathlib import Path

import pandas as pd

from pipeline.domain.desk import Desk
from pipeline.learning.known_market import KnownMarket
from pipeline.learning.learners import LEARNERS

NETWORK = "network.npz"


def learn_hedger(
    desk: Desk, policy: str, steps: int, paths: int, market: KnownMarket
) -> dict[str, pd.DataFrame | bytes]:
    """Train a hedger for a desk (`Desk.for_learning`) in simulated markets like one that is known.

    Returns
    -------
    Table `curve` (`step` and the validation `risk` after it), and the file `NETWORK`, a checkpoint.

    Raises
    ------
    FitError
        The training diverged.
    SettingsError
        The extra that trains it is not installed.
    """
    trainer = LEARNERS[policy].of(desk, steps, paths, market, desk.seed, None)
    from pipeline.deep.training import train

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, NETWORK)
        trained = train(trainer, file)
        content = file.read_bytes()
    return {"curve": pd.DataFrame(trained.history, columns=["step", "risk"]), NETWORK: content}
