"""What every regime detector can do."""

from typing import Protocol, Self

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.regimes.forward import RunningFilter
from pipeline.simulate.markov_chain import IntArray


class Detector(Protocol):
    """A fitted model of K hidden market regimes, regime 0 the calmest.

    Attributes
    ----------
    states : K.
    feature_names_ : columns of the features it was fitted on.
    state_means_ : [K, D] mean of the features in each regime, in their own units.
    transition_ : [K, K] probability of moving from row to column, per session.
    initial_ : [K] distribution of the regime in the session before the first one is seen.
    state_variance_ : [K] mean squared close-to-close log return per session.
    """

    states: int
    feature_names_: tuple[str, ...]
    state_means_: FloatArray
    transition_: FloatArray
    initial_: FloatArray
    state_variance_: FloatArray

    def fit(self, features: pd.DataFrame, returns: FloatArray) -> Self:
        """Learn from training rows only: features [T, D] and close-to-close log returns [T]."""
        ...

    def filter(self, features: pd.DataFrame, after: FloatArray | None = None) -> FloatArray:
        """Return p(z_t | x_{1:t}), [T, K]; `after` [K] is the filtered probability of the row before."""
        ...

    def following(self, after: FloatArray) -> RunningFilter:
        """Return the filter one row after another, `after` [K] what it gave at the row before the next."""
        ...

    def log_likelihood(self, features: pd.DataFrame) -> float:
        """Return log p(x_{1:T}) in the units of the features."""
        ...

    def relabelled(self, order: IntArray) -> Self:
        """Return a copy whose regime i is this one's regime `order[i]`."""
        ...

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return everything that is needed to filter, as arrays for an NPZ file without pickle."""
        ...

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """Rebuild the detector from `to_arrays`, exactly."""
        ...
