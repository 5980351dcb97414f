"""The decision grid of all days: what it needs before it starts."""

import pandas as pd
import pytest

from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import DataError
from pipeline.features.decision_grid import decision_features
from tests.market_ticks import DESK


def test_data_that_begin_after_the_signals_start_are_named_with_both_days(tmp_path):
    path = tmp_path / "desk.toml"
    path.write_text(DESK)
    days = pd.DataFrame(
        {"day": ["2020-03-04"], "table": ["quotes"], "key": ["k"], "file": ["f"], "rows": [1]}
    )
    with pytest.raises(DataError, match=r"XYZ: no data up to windows.signals_start 2020-03-03.* 2020-03-04"):
        decision_features(load_any(str(path)), {"days": days})
