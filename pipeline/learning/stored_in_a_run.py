"""Training a hedger on stored days in a run of its desk, window by window."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from pipeline.backtest.stored_days import StoredDays
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.ingest.content import Known, content_digest
from pipeline.learning.in_a_run import NETWORK
from pipeline.learning.stored_learners import trainer_of


@dataclass(frozen=True)
class StoredWindow:
    """A training, and the first day that what comes out hedges; of what it learns all was over by then."""

    first: date
    days: Known


def stored_windows(
    desk: IntradayDesk, policy: str, signals: pd.DataFrame, fills: pd.DataFrame
) -> Iterator[StoredWindow]:
    """Return the trainings of a policy of `policies.train`, one before every test window on the days before.

    Each begins from the prior, for the days before it hold those of the last one. With `refit` "once" there
    is only the first.

    Parameters
    ----------
    signals, fills : of `intraday_signals.learn_intraday`.

    Raises
    ------
    DataError
        The days before a window are too few.
    """
    tested = signals[signals["tested"].astype(bool)]
    for row in tested.groupby("window", sort=True).head(1).index:
        days = StoredDays.of(desk, signals, fills, int(row))
        yield StoredWindow(
            date.fromisoformat(str(signals["day"].loc[row])), Known(days, content_digest(days))
        )
        if desk.policies.train[policy].refit == "once":
            return


def learn_from_days(
    desk: IntradayDesk, policy: str, steps: int | None, paths: int | None, days: StoredDays
) -> dict[str, pd.DataFrame | bytes]:
    """Train a hedger on stored days.

    Returns
    -------
    Table `curve` (`step` and the risk on what is held out after it), and the file `NETWORK`, a checkpoint.

    Raises
    ------
    FitError
        The training diverged.
    SettingsError
        The extra that trains it is not installed.
    """
    trainer = trainer_of(policy, desk, days, steps, paths, desk.seed, None)
    from pipeline.deep.training import train

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, NETWORK)
        trained = train(trainer, file)
        content = file.read_bytes()
    return {"curve": pd.DataFrame(trained.history, columns=["step", "risk"]), NETWORK: content}
