import json
import math

import numpy as np
import pytest

from benchmarks.measurement import Measurement
from benchmarks.timing import Timing


def test_the_ratio_of_times_says_how_many_times_as_long_the_peer_takes():
    found = Measurement.of_timings("a.b", Timing((0.2, 0.1)), Timing((0.4, 0.9)), rows=3)
    assert (found.ours, found.peer, found.ratio, found.unit) == (0.1, 0.4, 4.0, "s")
    record = found.record()
    assert record["rounds"] == 2
    assert record["spread"]["peer"]["max"] == 0.9
    assert record["detail"] == {"rows": 3}


def test_a_record_is_json_whatever_numpy_put_in():
    found = Measurement("a.b", "QLIKE", np.float64(0.1), detail={"n": np.int64(3), "p": math.nan})
    assert json.loads(json.dumps(found.record(), allow_nan=False))["detail"] == {"n": 3, "p": None}


def test_no_figure_needs_a_reason_and_a_figure_none():
    assert Measurement.missing("a.b", "s", "no data").record()["ours"] is None
    with pytest.raises(ValueError, match="reason"):
        Measurement("a.b", "s", math.nan)
    with pytest.raises(ValueError, match="reason"):
        Measurement("a.b", "s", 1.0, reason="none")
