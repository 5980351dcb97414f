import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest.as_of import as_of
from pipeline.ingest.vintage import revisions, vintage_of

DAYS = np.arange("2020-03-01", "2020-03-11", dtype="datetime64[D]")


def table(days, values, **published):
    when = vintage_of(days, published.get("day"), published.get("lag"), "s.xlsx")
    times = {
        name: pd.DatetimeIndex(getattr(when, name)).tz_localize("UTC")
        for name in ("event_time", "known_time")
    }
    return pd.DataFrame({**times, "series": "s", "value": values, "pseudo": when.pseudo})


def arrow(frame):
    columns = {name: frame[name].to_numpy() for name in ("event_time", "value")}
    return pa.table({**columns, "series": ["s"] * len(frame)})


def test_a_vintage_is_not_known_before_it_was_published():
    first = table(DAYS[:5], 1.0, lag=2)
    later = table(DAYS, 2.0, day=pd.Timestamp("2020-03-12").date())
    both = pd.concat([first, later])
    times = pd.DatetimeIndex(
        ["2020-03-03 12:00", "2020-03-10", "2020-03-12 23:00", "2020-03-13 00:00"], tz="UTC"
    )
    known = as_of(times, both, ["value"])["value"].tolist()
    np.testing.assert_array_equal(known, [np.nan, 1.0, 1.0, 2.0])
    assert first["pseudo"].all()
    assert not later["pseudo"].any()


def test_when_it_was_published_must_be_said():
    with pytest.raises(DataError, match=r"s\.xlsx: when was it published\? Set day"):
        vintage_of(DAYS, None, None, "s.xlsx")


def test_revisions_are_sized_against_the_days_change_by_series():
    rng = np.random.default_rng(5)
    old = table(DAYS, rng.normal(size=10), lag=0)
    new = old.assign(value=old["value"] + np.where(np.arange(10) < 4, 0.5, 0.0))
    sizes = revisions([arrow(each) for each in (old, new)]).loc["s"]
    change = new["value"] - old["value"]
    assert sizes["days"] == 10
    assert sizes["changed"] == 0.4
    assert sizes["mean"] == pytest.approx(0.2, rel=1e-12)
    assert sizes["relative"] == pytest.approx(change.std() / old["value"].diff().std(), rel=1e-12)
    assert revisions([arrow(old)]).empty
