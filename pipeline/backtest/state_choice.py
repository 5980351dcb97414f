"""The number of regimes, chosen on the rows before the first signal where the desk leaves it to a rule."""

import logging

import pandas as pd

from pipeline.domain.desk import Desk
from pipeline.domain.errors import FitError
from pipeline.ingest.dataset import Output
from pipeline.ingest.pieces import Pieces, anew
from pipeline.regimes.catalogue import DETECTORS
from pipeline.regimes.state_selection import STATES, chosen_states, state_selection

LEFT_OUT = 252
"""Sessions at the end of the training rows that the second fit does not see."""
log = logging.getLogger(__name__)


def with_chosen_states(desk: Desk, features: pd.DataFrame, end: int, pieces: Pieces = anew) -> Desk:
    """Return the desk with a number of regimes; the desk itself where it gives one.

    The choice is made once: every later refit keeps the number, so that its labels can be matched to the
    fit before, and no test row has a say.

    Parameters
    ----------
    desk : settings.
    features : [T] rows of the feature matrix, with `return_1d`.
    end : the first row with a signal; the rows before it choose.
    pieces : may know the table of the same rows.

    Raises
    ------
    FitError
        None of the numbers has a fit; one that has none is left out, with a warning in the log.
    """
    rule = desk.regimes.states
    if isinstance(rule, int):
        return desk
    table = pieces(
        "states",
        _judged,
        detector=desk.regimes.detector,
        restarts=desk.regimes.restarts,
        seed=desk.seed,
        features=features[list(desk.regimes.features)].iloc[:end],
        returns=features[["return_1d"]].iloc[:end],
    )["states"]
    count = chosen_states(table, rule)
    log.info("regimes: %d states by %s, of %s", count, rule, ", ".join(map(str, table["states"])))
    return desk.with_states(count)


def settled(desk: Desk, sessions: pd.DataFrame) -> Desk:
    """Return the desk with the number of regimes that its signals have, `regime_prob_0` and on.

    Examples
    --------
    >>> sessions = pd.DataFrame({"regime_prob_0": [0.4], "regime_prob_1": [0.6]})
    >>> settled(Desk(name="x", policies={"run": ()}, regimes={"states": "bic"}), sessions).regimes.count
    2
    """
    if isinstance(desk.regimes.states, int):
        return desk
    return desk.with_states(len(sessions.filter(regex=r"^regime_prob_\d+$").columns))


def _judged(detector: str, restarts: int, seed: int, features: pd.DataFrame, returns: pd.DataFrame) -> Output:
    moves, kind, tables = returns["return_1d"].to_numpy(float), DETECTORS[detector], []
    for count in STATES:
        options = {"left_out": LEFT_OUT, "restarts": restarts, "seed": seed}
        try:
            tables.append(state_selection(features, moves, states=(count,), kind=kind, **options))
        except FitError as fault:
            log.warning("%d states are left out of the choice: %s", count, fault)
    if not tables:
        raise FitError(f"regimes: {detector} has no fit with {STATES[0]} to {STATES[-1]} states")
    return {"states": pd.concat(tables, ignore_index=True)}
