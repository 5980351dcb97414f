"""The same label for the same regime at every refit."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.regimes.base import Detector
from pipeline.simulate.markov_chain import IntArray


@dataclass(frozen=True)
class Alignment:
    """How the regimes of a new fit take the labels of the previous one.

    Attributes
    ----------
    order : [K] `order[i]` is the new fit's regime that is called i from now on; see `Detector.relabelled`.
    by_volatility : the nearest match would not have called the calmest regime 0, so labels follow volatility.
    distance : [K] of each label's old and new regime, in deviations of the regime descriptions.
    """

    order: IntArray
    by_volatility: bool
    distance: FloatArray


def align(previous: Detector, current: Detector) -> Alignment:
    """Match the regimes of two fits by the least total distance between their descriptions.

    A regime is described by its log volatility and its mean features; each column is divided by its deviation
    over the regimes of both fits. Regime 0 stays the calmest: a match that contradicts this gives way to the
    order of volatility, and says so.

    Raises
    ------
    FitError
        The fits have other features or another number of regimes.

    References
    ----------
    Kuhn (1955) for the assignment; Stephens (2000) for relabelling by least distance.
    """
    if previous.feature_names_ != current.feature_names_ or previous.states != current.states:
        raise FitError(
            f"regimes: {_settings(current)} cannot take the labels of {_settings(previous)}: "
            "fit both with the same settings"
        )
    before, now = _described(previous, current)
    distance = np.linalg.norm(before[:, None, :] - now, axis=2)
    order = np.asarray(linear_sum_assignment(distance)[1], dtype=np.int64)
    calmest = int(np.argmin(current.state_variance_))
    by_volatility = int(order[0]) != calmest
    if by_volatility:
        order = np.argsort(current.state_variance_, kind="stable")
    return Alignment(order, by_volatility, distance[np.arange(len(order)), order])


def _settings(fit: Detector) -> str:
    return f"{fit.states} states on {', '.join(fit.feature_names_)}"


def _described(previous: Detector, current: Detector) -> tuple[FloatArray, FloatArray]:
    rows = np.vstack(
        [np.c_[0.5 * np.log(fit.state_variance_), fit.state_means_] for fit in (previous, current)]
    )
    deviation = rows.std(axis=0)
    rows = rows / np.where(deviation > 0.0, deviation, 1.0)
    return rows[: previous.states], rows[previous.states :]
