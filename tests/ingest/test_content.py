from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk import ForecastSettings
from pipeline.ingest.content import Known, content_digest


@dataclass(frozen=True)
class Thing:
    x: np.ndarray
    name: str = "a"


BASE = pd.DataFrame(
    {"x": [1.0, np.nan], "day": pd.to_datetime(["2020-01-01", "2020-01-02"]), "s": ["a", None]}
)


@pytest.mark.parametrize(
    "other",
    [
        BASE.iloc[:1],
        BASE[["day", "x", "s"]],
        BASE.rename(columns={"x": "y"}),
        BASE.set_axis([1, 2]),
        BASE.assign(x=[1.0, 2.0]),
        BASE.assign(x=[np.nextafter(1.0, 2.0), np.nan]),
        BASE.assign(x=BASE["x"].astype("float32")),
        BASE.assign(s=["a", "b"]),
        BASE.assign(day=BASE["day"].dt.tz_localize("UTC") + pd.Timedelta(1, "s")),
    ],
)
def test_tables_that_differ_have_other_digests(other):
    assert content_digest(other) != content_digest(BASE)
    assert content_digest(BASE.copy()) == content_digest(BASE)


def test_arrays_differ_by_type_shape_and_bits_but_not_by_layout():
    array = np.arange(6.0).reshape(2, 3)
    assert content_digest(np.asfortranarray(array)) == content_digest(array)
    for other in (array.T, array.ravel(), array.astype(np.float32), -array, array + 1e-16):
        same = other.shape == array.shape and other.dtype == array.dtype and (other == array).all()
        assert (content_digest(other) == content_digest(array)) == same


def test_dataclasses_settings_and_sequences_are_known_by_what_is_in_them():
    thing = Thing(np.ones(2))
    assert content_digest(thing) == content_digest(Thing(np.ones(2)))
    assert content_digest(thing) != content_digest(replace(thing, name="b"))
    assert content_digest(ForecastSettings()) != content_digest(ForecastSettings(trees=3))
    assert content_digest([("a", "b")]) != content_digest([("ab",)])
    assert content_digest({"a": 1, "b": 2}) == content_digest({"b": 2, "a": 1})
    assert content_digest(1) != content_digest("1")
    assert content_digest(Known(object(), "x")) == content_digest(Known(None, "x"))


def test_what_cannot_be_known_is_refused():
    for value in (object(), np.array([object()]), {1, 2}, lambda: 1):
        with pytest.raises(TypeError, match="no digest"):
            content_digest(value)
