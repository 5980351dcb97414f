"""Realised measures of the user's own: screened like the other files, and never across a change of units."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.data_settings import FilesData
from pipeline.domain.errors import DataError
from pipeline.features.assemble import assemble, decision_grid
from pipeline.ingest.calendar import sessions_between
from pipeline.ingest.sources import content_of, load_tables

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "realized" / "spx_realized_measures.csv"
SESSIONS = sessions_between(pd.Timestamp("2017-01-03"), pd.Timestamp("2018-12-31"))
NAMES = ["rv", "rq", "rs_plus", "rs_minus"]
ALL = {name: name for name in NAMES}


def measures(sessions=SESSIONS):
    rng = np.random.default_rng(6)
    rv = 1e-4 * np.exp(rng.normal(0.0, 0.7, len(sessions)))
    plus = rv * rng.uniform(0.3, 0.7, len(sessions))
    rq = rv**2 * np.exp(rng.normal(0.3, 0.5, len(sessions)))
    return pd.DataFrame({"date": sessions, "rv": rv, "rq": rq, "rs_plus": plus, "rs_minus": rv - plus})


@pytest.fixture
def load(tmp_path):
    """Return a function that writes bars, volatility and realised measures, and loads them."""

    def run(table, columns=ALL, **settings):
        for name, level in (("bars", 100.0), ("vol", 16.0)):
            rows = (f"{day:%Y-%m-%d},{level + i % 3}" for i, day in enumerate(SESSIONS))
            (tmp_path / f"{name}.csv").write_text("\n".join(["date,close", *rows, ""]))
        table.to_csv(tmp_path / "rv.csv", index=False)
        data = {
            "bars": {"file": "bars.csv"},
            "implied_vol": {"file": "vol.csv"},
            "realized": {"file": "rv.csv", "columns": columns, **settings},
        }
        run.data = FilesData.model_validate({"source": "files", **data}).located(tmp_path)
        return load_tables(run.data, content_of(run.data))

    return run


def reasons(tables):
    return tables["quarantine"][["table", "row", "reason"]].to_numpy().tolist()


def test_a_sound_file_is_taken_as_it_is(load):
    table = load(measures())["realized"]
    assert list(table) == ["session", "event_time", "known_time", *NAMES]
    np.testing.assert_allclose(table[NAMES], measures()[NAMES], rtol=1e-12)
    assert (table["known_time"] - table["event_time"] == pd.Timedelta(minutes=15)).all()
    assert load.data.tables[-1] == "realized"


def test_what_is_not_named_is_not_read(load):
    spoiled = measures().assign(rq=-1.0)
    table = load(spoiled, {"rs_plus": "rs_plus", "rs_minus": "rs_minus"})["realized"]
    assert list(table)[3:] == ["rv", "rs_plus", "rs_minus"]


def test_percent_squared_becomes_decimal(load):
    percent = measures().assign(**{name: measures()[name] * 1e4 for name in NAMES if name != "rq"})
    percent["rq"] = measures()["rq"] * 1e8
    np.testing.assert_allclose(load(percent, scale=1e-4)["realized"][NAMES], measures()[NAMES], rtol=1e-12)
    with pytest.raises(DataError, match=r"rv\.csv: the median RV is a volatility of 16.*scale 1: RV is the"):
        load(percent)


def test_each_fault_has_its_reason(load):
    table = measures()
    table.loc[3, "rv"] = 0.0
    table.loc[10, "rq"] = -table.loc[10, "rq"]
    table.loc[20, "rs_plus"] *= 2.0
    table.loc[30, ["rs_plus", "rs_minus"]] = [-1e-5, table.loc[30, "rv"] + 1e-5]
    table.loc[40, "rq"] *= 1e11
    tables = load(table)
    assert reasons(tables) == [
        ["realized", 5, "RV not above zero"],
        ["realized", 12, "RQ not above zero"],
        ["realized", 22, "semivariances do not add up to RV"],
        ["realized", 32, "negative semivariance"],
        ["realized", 42, "absurd RQ: RQ/RV² moves more than 1000-fold"],
    ]
    assert tables["notes"]["note"].iloc[-1] == (
        "rv.csv: no value for 5 of 502 sessions (0 before it starts, 0 after it ends, 5 between): "
        "LightGBM does without them there, the other forecasts are missing, and nothing is scored"
    )


def test_a_change_of_the_unit_of_rq_stops_the_run_and_names_the_day(load):
    table = measures()
    table.loc[300:, "rq"] *= 1e11
    with pytest.raises(
        DataError, match=rf"ratio RQ/RV² goes from .* on {SESSIONS[300]:%Y-%m-%d} and stays"
    ) as e:
        load(table)
    assert str(e.value).endswith("cut the file, bring RQ to one unit, or leave out columns.rq")
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e11])
def test_a_constant_unit_of_rq_is_nobodys_business(load, unit):
    assert not reasons(load(measures().assign(rq=measures()["rq"] * unit)))


def test_the_grid_knows_a_session_by_its_own_row_only(load):
    tables = load(measures().drop(index=[50]))
    grid = decision_grid(tables["bars"], tables["implied_vol"], realized=tables["realized"])
    assert list(grid)[-4:] == NAMES
    assert np.flatnonzero(grid["rv"].isna()).tolist() == [50]


def test_the_features_are_those_of_the_measures_that_the_desk_names(load):
    tables = load(measures())
    market = [tables["bars"], tables["implied_vol"], None]
    without = assemble(*market)["features"]
    whole = assemble(*market, tables["realized"])["features"]
    more = [name for name in whole if name not in without]
    assert more == [
        *("rv_1d", "rv_5d", "rv_22d", "log_rv_1d", "upside_rv_1d", "downside_rv_1d", "log_rq_ratio_1d"),
    ]
    early = assemble(*market, tables["realized"].iloc[:0])["features"]
    assert list(early) == list(whole)
    fewer = assemble(*market, tables["realized"].drop(columns="rq"))["features"]
    assert [name for name in whole if name not in fewer] == ["log_rq_ratio_1d"]


def test_another_content_is_other_data(load):
    load(measures())
    before = content_of(load.data)
    load(measures().iloc[:-1])
    assert content_of(load.data).keys() == before.keys() == {"bars", "implied_vol", "realized"}
    assert content_of(load.data)["realized"] != before["realized"]


def test_real_measures_are_read_up_to_their_change_of_units(load):
    if not SHARED.is_file():
        pytest.skip("the shared market data is not on this machine")
    whole = pd.read_csv(SHARED)
    columns = {"rv": "RV", "rq": "RQ"}
    with pytest.raises(
        DataError, match=r"RQ/RV² goes from 0\.000\d+ to 8\.2\d+e\+07 on 2014-01-02 and stays"
    ):
        load(whole, columns)
    with pytest.raises(DataError, match=r"1495 of 5591 rows fail .*1495 run of missing values"):
        load(whole, columns | {"rs_plus": "RS_plus", "rs_minus": "RS_minus"})
    one_unit = whole[whole["date"] < "2014"]
    with pytest.raises(DataError, match="has no value on any session of the bars"):
        load(one_unit, columns | {"rs_plus": "RS_plus", "rs_minus": "RS_minus"})
