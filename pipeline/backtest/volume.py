"""How much was traded in a session, for what a large order does to the price."""

from typing import Final

import numpy as np
import pandas as pd

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
