"""Training a hedger in a run of its desk, on what was known before the test."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError
from pipeline.learning.learners import LEARNERS

NETWORK = "network.npz"
MARGIN = 1.25
"""Factor by which volatilities may leave the range that was seen before the test."""


def seen_volatility(desk: Desk, sessions: pd.DataFrame) -> tuple[float, float]:
    """Return least and greatest annual volatility that the desk's options were marked at before the test.

    They are `market.atm_ratio` times the desk's volatility indices in the sessions before
    `windows.test_start`, with a margin of a quarter; no later session is read. A hedger that learns in
    simulated markets learns nothing else from data.

    Parameters
    ----------
    sessions : one row a session: `session` and the desk's volatility indices.

    Raises
    ------
    DataError
        No index has a value before the test.

    Examples
    --------
    >>> days = pd.to_datetime(["2015-12-30", "2015-12-31", "2016-01-04"])
    >>> table = pd.DataFrame({"session": days, "implied_vol": [0.1, 0.2, 0.9]})
    >>> desk = Desk(name="x", policies={"run": ()}, market={"atm_ratio": 1.0})
    >>> seen_volatility(desk, table)
    (0.08, 0.25)
    """
    before = sessions["session"] < pd.Timestamp(desk.windows.test_start)
    seen = sessions.loc[before, list(desk.data.tenors)].to_numpy(np.float64) * desk.market.atm_ratio
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        raise DataError(
            f"no implied volatility before windows.test_start {desk.windows.test_start}: nothing tells which "
            "markets a hedger is to learn in; move the test later, or leave out policies.train"
        )
    return round(float(seen.min()) / MARGIN, 4), round(float(seen.max()) * MARGIN, 4)


def learn_hedger(
    desk: Desk, policy: str, steps: int, paths: int, volatility: tuple[float, float]
) -> dict[str, pd.DataFrame | bytes]:
    """Train a hedger for a desk (`Desk.for_learning`) in markets of a range of volatilities.

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
    trainer = LEARNERS[policy].of(desk, steps, paths, volatility, desk.seed)
    from pipeline.deep.training import train

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, NETWORK)
        trained = train(trainer, file)
        content = file.read_bytes()
    return {"curve": pd.DataFrame(trained.history, columns=["step", "risk"]), NETWORK: content}
