"""What the choice of a regime detector is worth: the same flagship, hedged on the regimes of each."""

import logging
from collections.abc import Sequence

import pandas as pd

from pipeline.backtest.episodes import build_episodes
from pipeline.backtest.folds import walk_forward_folds
from pipeline.backtest.learned_regimes import learn_regimes
from pipeline.backtest.ledger import book
from pipeline.backtest.policy_fit import fit_before, training_rows_of
from pipeline.backtest.result_tables import result_rows
from pipeline.backtest.windows import Window
from pipeline.domain.desk import Desk
from pipeline.domain.errors import FitError
from pipeline.ingest.pieces import Pieces, anew
from pipeline.policies.catalogue import FLAGSHIP, POLICIES
from pipeline.regimes.catalogue import DETECTORS

log = logging.getLogger(__name__)


def regimes_of_rivals(
    desk: Desk, features: pd.DataFrame, windows: Sequence[Window], pieces: Pieces = anew
) -> pd.DataFrame:
    """Walk every detector but the desk's own forward on the desk's features.

    Returns
    -------
    The columns of `LearnedRegimes.signals` with `detector` and `session`, one row a detector and session of
    the windows. A detector that cannot be fitted is left out, with a warning in the log.
    """
    tables = []
    for name in DETECTORS:
        if name == desk.regimes.detector:
            continue
        settings = desk.regimes.model_copy(update={"detector": name})
        try:
            rival = desk.model_copy(update={"regimes": settings})
            learned = learn_regimes(rival, features, windows, pieces).signals
        except FitError as fault:
            log.warning("detector %s is left out of the hedging comparison: %s", name, fault)
            continue
        tables.append(learned.assign(detector=name, session=features["session"].iloc[learned.index]))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["detector", "session"])


def hedge_on_rivals(
    desk: Desk, sessions: pd.DataFrame, rivals: pd.DataFrame, pieces: Pieces = anew
) -> pd.DataFrame:
    """Fit and test the flagship on the regimes of every other detector, all else as in the backtest.

    Parameters
    ----------
    desk : settings.
    sessions : the table `signals`.
    rivals : of `regimes_of_rivals`.

    Returns
    -------
    Rows like those of the table `episodes` at the desk's own delay; `policy` is the detector's name. None
    where the desk does not run the flagship.
    """
    dates, rows = sessions["session"].to_numpy(), []
    if FLAGSHIP not in desk.policies.run:
        rivals = rivals.iloc[:0]
    for name, regimes in rivals.groupby("detector", sort=False):
        columns = regimes.set_index("session").drop(columns="detector")
        swapped = sessions.assign(**columns.loc[sessions["session"]].reset_index(drop=True))
        episodes = build_episodes(desk, swapped)
        for fold in walk_forward_folds(desk, swapped, episodes):
            known = training_rows_of(episodes, fold.training)
            fitted = fit_before(desk, POLICIES[FLAGSHIP](), known, pieces).policy
            band = fitted.band(episodes.state.episodes(fold.test)).checked(FLAGSHIP)
            ledger = book(episodes.market.episodes(fold.test), band, desk.hedge.delay_sessions)
            rows.append(result_rows(str(name), desk.hedge.delay_sessions, fold, episodes, dates, ledger))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["policy"])
