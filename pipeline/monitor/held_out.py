"""Detectors that have not seen the day they are asked about: what new days are held against."""

import logging
from collections.abc import Mapping
from copy import copy
from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.errors import FitError
from pipeline.regimes.gaussian import GaussianDetector

FOLDS: Final = 5
"""Fits at most: days beyond are left out in runs of neighbours."""
log = logging.getLogger(__name__)


def held_out(detector: GaussianDetector, features: pd.DataFrame) -> Mapping[str, GaussianDetector]:
    """Return for each day a detector like `detector` that was fitted on other days alone.

    A fit makes its own days likelier than new ones, so they say nothing of how likely a new day is. Of a
    single day, or of days without which nothing can be fitted, there is none: then it is empty.

    Parameters
    ----------
    detector : fitted; its features and options are taken.
    features : the decision grid that it learned from, with `day` and `return`.

    References
    ----------
    Smyth (2000), Model selection for probabilistic clustering using cross-validated likelihood.
    """
    days, found = features["day"].unique(), dict[str, GaussianDetector]()
    for left_out in np.array_split(days, min(len(days), FOLDS)):
        rows = features[~features["day"].isin(left_out)]
        inputs = rows[list(detector.feature_names_)]
        try:
            fitted = copy(detector).fit(inputs, rows["return"].to_numpy(float))
        except FitError as error:
            log.warning("warning: the likelihood of regimes is not watched, for want of days: %s", error)
            return {}
        found |= dict.fromkeys(map(str, left_out), fitted)
    return found
