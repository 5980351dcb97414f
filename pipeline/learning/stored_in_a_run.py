"""Training a hedger on what its desk has stored, in a run of the desk, window by window."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from pipeline.backtest.chain_comparison import window_starts
from pipeline.backtest.quote_sight import StoredQuotes, quoted_days
from pipeline.backtest.stored_days import StoredDays
from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.desk_file import StoringDesk
from pipeline.ingest.content import Known, content_digest
from pipeline.learning.in_a_run import learned
from pipeline.learning.stored_learners import trainer_of


@dataclass(frozen=True)
class StoredWindow:
    """A training, and the first day that what comes out hedges; of what it learns all was over by then."""

    first: date
    stored: Known


def stored_windows(
    desk: StoringDesk, policy: str, tables: Mapping[str, pd.DataFrame]
) -> Iterator[StoredWindow]:
    """Return the trainings of a policy of `policies.train`, one before every test window on what was before.

    Each begins from the prior, for what was before it holds what the last one learned from. With `refit`
    "once" there is only the first.

    Parameters
    ----------
    tables : of `intraday_signals.learn_intraday`, or of `chain_signals.learn_chain`.

    Raises
    ------
    DataError
        The days before a window are too few.
    """
    for first, stored in stored_before(desk, tables):
        yield StoredWindow(first, Known(stored, content_digest(stored)))
        if desk.policies.train[policy].refit == "once":
            return


def stored_before(
    desk: StoringDesk, tables: Mapping[str, pd.DataFrame]
) -> Iterator[tuple[date, StoredDays | StoredQuotes]]:
    """Yield the first day of every test window, and what a hedger may learn from before it.

    Raises
    ------
    DataError
        As `stored_windows`.
    """
    if isinstance(desk, ChainDesk):
        quoted = tables["quoted"]
        days = pd.DatetimeIndex(quoted_days(quoted).unique()).sort_values()
        for start in window_starts(desk, days):
            first = days[start].date()
            yield first, StoredQuotes.of(quoted, first)
        return
    signals, fills = tables["signals"], tables["fills"]
    tested = signals[signals["tested"].astype(bool)]
    for row in tested.groupby("window", sort=True).head(1).index:
        first = date.fromisoformat(str(signals["day"].loc[row]))
        yield first, StoredDays.of(desk, signals, fills, int(row))


def learn_from_stored(
    desk: StoringDesk,
    policy: str,
    steps: int | None,
    paths: int | None,
    stored: StoredDays | StoredQuotes,
) -> dict[str, pd.DataFrame | bytes]:
    """Train a hedger on what its desk has stored.

    Returns
    -------
    Table `curve` (`step` and the risk on what is held out after it), and the file `in_a_run.NETWORK`.

    Raises
    ------
    FitError
        The training diverged.
    SettingsError
        The extra that trains it is not installed.
    """
    return learned(trainer_of(policy, desk, stored, steps, paths, desk.seed, None))
