"""How much was traded in a session, for what a large order does to the price."""

import logging
from typing import Final

import numpy as np
import pandas as pd

from pipeline.features.catalogue import catalogue

log = logging.getLogger(__name__)
MOSTLY: Final = 0.5
"""Share of learning sessions with a volume of zero from which the file has no volume, whatever it says."""
RELATIVE_VOLUME: Final = "relative_volume"
"""Column of the session table: volume over that of a median session; absent where the bars have no volume."""


def volume_columns(features: pd.DataFrame) -> dict[str, "pd.Series[float]"]:
    """Return the relative volume of every session, NaN where it is not known; nothing without volume.

    Examples
    --------
    >>> volume_columns(pd.DataFrame({"log_volume_ratio": [0.0, np.log(2.0)]}))["relative_volume"].tolist()
    [1.0, 2.0]
    >>> volume_columns(pd.DataFrame({"return_1d": [0.01]}))
    {}
    """
    if "log_volume_ratio" not in features:
        return {}
    return {RELATIVE_VOLUME: np.exp(features["log_volume_ratio"])}


def without_empty_volume(features: pd.DataFrame, learned: "pd.Series[float]") -> pd.DataFrame:
    """Return the features, without those made of volume where the volume of the learning sessions is zero.

    Files of indices often have a column of zeros: nothing is known of their volume then.

    Parameters
    ----------
    features : the feature matrix.
    learned : volume of the sessions before the first signal.

    Examples
    --------
    >>> matrix = pd.DataFrame({"return_1d": [0.01], "log_volume_ratio": [0.0]})
    >>> list(without_empty_volume(matrix, pd.Series([0.0, 0.0, 3.0])))
    ['return_1d']
    >>> list(without_empty_volume(matrix, pd.Series([0.0, 2.0, 3.0])))
    ['return_1d', 'log_volume_ratio']
    """
    zero = int((learned == 0.0).sum())
    if zero <= MOSTLY * len(learned):
        return features
    log.info(
        "bars: volume is 0 in %d of the %d sessions before windows.signals_start, so it is taken as unknown: "
        "trading costs are the desk's constants; to keep the column out, delete data.bars.columns.volume",
        zero,
        len(learned),
    )
    made = [each.name for each in catalogue() if "volume" in each.inputs and each.name in features]
    return features.drop(columns=made)
