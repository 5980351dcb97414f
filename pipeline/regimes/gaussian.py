"""What detectors with Gaussian emissions share: training rows, filtering, labels, storing."""

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipeline.domain.errors import DataError, FitError
from pipeline.domain.instruments import FloatArray
from pipeline.regimes.forward import RunningFilter, gaussian_forward_filter, predict_prob
from pipeline.simulate.markov_chain import IntArray, stationary_distribution

_ROWS_PER_STATE = 20
_ARRAYS = ("state_means_", "state_covariances_", "transition_", "initial_", "state_variance_")
_OPTIONS = ("states", "restarts", "seed")


@dataclass(frozen=True)
class TrainingRows:
    """Complete, standardised rows x [T, D] in unbroken runs of `lengths` sessions, and their returns [T]."""

    x: FloatArray
    lengths: IntArray
    returns: FloatArray


@dataclass(frozen=True)
class Emissions:
    """Means [K, D] and covariances [K, D, D] of the standardised features, and the transitions [K, K]."""

    means: FloatArray
    covariances: FloatArray
    transition: FloatArray


class GaussianDetector(ABC):
    """Regimes with Gaussian features and Markov moves; subclasses say how they are estimated.

    p(x_t | z_t = k) = N(x_t; μ_k, Σ_k), P(z_{t+1} = j | z_t = i) = A_ij. Features are standardised with the
    mean and deviation of the training rows for the fit; the fitted μ and Σ are in the features' own units.
    The filter starts from the stationary distribution of A, so it may start in any session.

    Parameters
    ----------
    states : K ≥ 2 regimes.
    restarts : starts of the estimation; the most likely valid result is kept.
    seed : of the starts; a longer list of starts begins with the shorter one's.

    Attributes
    ----------
    state_covariances_ : [K, D, D] Σ; the others are those of `Detector`.
    """

    feature_names_: tuple[str, ...]
    state_means_: FloatArray
    state_covariances_: FloatArray
    transition_: FloatArray
    initial_: FloatArray
    state_variance_: FloatArray

    def __init__(self, states: int = 3, restarts: int = 4, seed: int = 0) -> None:
        self.states = states
        self.restarts = restarts
        self.seed = seed

    @abstractmethod
    def _estimate(self, rows: TrainingRows) -> Emissions:
        """Estimate the emissions of standardised rows, in any order of the states."""

    def fit(self, features: pd.DataFrame, returns: FloatArray) -> Self:
        """Learn the regimes from training rows and order them by volatility, the calmest first.

        The variance of regime k is Σ_t p(z_t = k | x_{1:t}) r_t² / Σ_t p(z_t = k | x_{1:t}): without bias
        when the return is a function of the features of its session.

        Parameters
        ----------
        features : [T, D], one row a session; rows with a NaN are left out, no move is counted across them.
        returns : [T] close-to-close log returns of the same sessions; rows with a NaN are left out.

        Raises
        ------
        FitError
            Too few complete rows, a constant feature, or no valid result from any start.
        DataError
            A feature is infinite.
        """
        values = _values(features)
        usable = ~(np.isnan(values).any(axis=1) | np.isnan(returns))
        self._check_rows(features, values[usable])
        center, scale = values[usable].mean(axis=0), values[usable].std(axis=0)
        rows = TrainingRows((values[usable] - center) / scale, _runs(usable), returns[usable])
        with threadpool_limits(limits=1):
            found = self._estimate(rows)
        self.feature_names_ = tuple(str(name) for name in features.columns)
        self.state_means_ = center + scale * found.means
        self.state_covariances_ = found.covariances * np.outer(scale, scale)
        self.transition_ = found.transition
        self.initial_ = stationary_distribution(found.transition)
        weight = self._filter(values)[0][usable]
        self.state_variance_ = (weight * rows.returns[:, None] ** 2).sum(axis=0) / weight.sum(axis=0)
        self._take(np.argsort(self.state_variance_, kind="stable"))
        return self

    def filter(self, features: pd.DataFrame, after: FloatArray | None = None) -> FloatArray:
        """Return the filtered regime probabilities p(z_t | x_{1:t}).

        Parameters
        ----------
        features : [T, D] with at least the columns of the fit. A row with a NaN is missing: the probabilities
            move by the transition matrix only.
        after : [K] filtered probabilities of the row before the first, to go on from there; by default the
            filter starts from `initial_`.

        Returns
        -------
        [T, K], never NaN. Row t does not depend, to the last bit, on the rows after t.

        Raises
        ------
        DataError
            A column is missing, or a value is infinite.
        """
        return self._filter(self._columns(features), after)[0]

    def following(self, after: FloatArray) -> RunningFilter:
        """Return the filter one row after another, `after` [K] what it gave at the row before the next."""
        return RunningFilter(self.state_means_, self.state_covariances_, self.transition_, after)

    def log_likelihood(self, features: pd.DataFrame) -> float:
        """Return log p(x_{1:T}), in the units of the features; rows with a NaN add nothing."""
        return self._filter(self._columns(features))[1]

    def relabelled(self, order: IntArray) -> Self:
        """Return a copy whose regime i is this one's regime `order[i]`, a permutation of 0 … K − 1."""
        if sorted(int(state) for state in order) != list(range(self.states)):
            raise ValueError(f"{list(order)} is no permutation of {self.states} regimes")
        other = copy(self)
        other._take(np.asarray(order))
        return other

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the options and everything fitted as arrays that `numpy.savez` stores without pickle."""
        options = {name: np.asarray(getattr(self, name), dtype=np.int64) for name in _OPTIONS}
        fitted = {name: getattr(self, name).copy() for name in _ARRAYS}
        return options | fitted | {"feature_names_": np.array(self.feature_names_, dtype=np.str_)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """Rebuild a fitted detector from `to_arrays`; it filters bit for bit like the first one.

        Raises
        ------
        DataError
            An array is missing.
        """
        absent = {*_OPTIONS, *_ARRAYS, "feature_names_"} - set(arrays)
        if absent:
            raise DataError(f"stored regime detector: no array {', '.join(sorted(absent))}; fit it again")
        detector = cls(**{name: int(arrays[name]) for name in _OPTIONS})
        for name in _ARRAYS:
            setattr(detector, name, np.array(arrays[name], dtype=np.float64))
        detector.feature_names_ = tuple(str(name) for name in arrays["feature_names_"])
        return detector

    def _filter(self, values: FloatArray, after: FloatArray | None = None) -> tuple[FloatArray, float]:
        start = self.initial_ if after is None else predict_prob(after, self.transition_)
        return gaussian_forward_filter(
            values, self.state_means_, self.state_covariances_, self.transition_, start
        )

    def _columns(self, features: pd.DataFrame) -> FloatArray:
        absent = [name for name in self.feature_names_ if name not in features.columns]
        if absent:
            raise DataError(f"the regime detector needs feature {', '.join(absent)}: it was fitted with it")
        return _values(features[list(self.feature_names_)])

    def _check_rows(self, features: pd.DataFrame, values: FloatArray) -> None:
        needed = _ROWS_PER_STATE * self.states * max(1, features.shape[1])
        if len(values) < needed:
            raise FitError(
                f"regimes: {len(values)} complete training rows, but {self.states} states on "
                f"{features.shape[1]} features need {needed}: move windows.learn_start "
                "earlier or windows.signals_start later, or lower regimes.states"
            )
        spread = np.ptp(values, axis=0)
        if not (spread > 0.0).all():
            name = features.columns[int(np.argmin(spread))]
            raise FitError(f"regimes: feature {name} is constant in the training rows: leave it out")

    def _take(self, order: IntArray) -> None:
        self.transition_ = self.transition_[np.ix_(order, order)]
        for name in ("state_means_", "state_covariances_", "initial_", "state_variance_"):
            setattr(self, name, getattr(self, name)[order])


def _values(features: pd.DataFrame) -> FloatArray:
    values = features.to_numpy(dtype=np.float64)
    if np.isinf(values).any():
        row, column = np.argwhere(np.isinf(values))[0]
        raise DataError(
            f"feature {features.columns[column]} is infinite in row {features.index[row]}: "
            "make it NaN where it is not known"
        )
    return values


def _runs(usable: np.ndarray) -> IntArray:
    """Lengths of the unbroken runs of usable rows.

    >>> _runs(np.array([True, True, False, True])).tolist()
    [2, 1]
    """
    edges = np.flatnonzero(np.diff(np.r_[False, usable, False].astype(np.int8)))
    return np.asarray(edges[1::2] - edges[::2])
