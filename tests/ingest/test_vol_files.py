"""Further indices: each is screened like the first, and which there are depends on the desk alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.data_settings import FilesData
from pipeline.domain.errors import DataError
from pipeline.features.assemble import decision_grid
from pipeline.ingest.calendar import sessions_between
from pipeline.ingest.sources import content_of, load_tables

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
SESSIONS = sessions_between(pd.Timestamp("2018-01-02"), pd.Timestamp("2018-12-31"))
LEVELS = {"vix9d": 14.0, "vix3m": 18.0, "vvix": 90.0, "skew": 130.0}


def lines(level, sessions=SESSIONS):
    return ["DATE,CLOSE", *(f"{day:%m/%d/%Y},{level + i % 3}" for i, day in enumerate(sessions))]


@pytest.fixture
def load(tmp_path):
    """Return a function that writes bars, volatility and further indices, and loads them."""

    def run(settings=None, **files):
        (tmp_path / "bars.csv").write_text("\n".join([*lines(100.0), ""]))
        (tmp_path / "vol.csv").write_text("\n".join([*lines(16.0), ""]))
        for name, content in files.items():
            (tmp_path / f"{name}.csv").write_text("\n".join([*content, ""]) if content else "")
        indices = {name: {"file": f"{name}.csv"} | (settings or {}).get(name, {}) for name in files}
        data = {"bars": {"file": "bars.csv"}, "implied_vol": {"file": "vol.csv"}, "vol_indices": indices}
        run.data = FilesData.model_validate({"source": "files", **data}).located(tmp_path)
        return load_tables(run.data, content_of(run.data))

    return run


def test_each_index_becomes_a_column_in_its_unit(load):
    table = load(**{name: lines(level) for name, level in LEVELS.items()})["vol_indices"]
    assert list(table) == ["session", "event_time", "known_time", "vix9d", "vix3m", "vvix", "skew"]
    assert table.iloc[0, 3:].tolist() == [0.14, 0.18, 0.90, 130.0]
    assert (table["known_time"] - table["event_time"] == pd.Timedelta(minutes=15)).all()
    assert table["session"].tolist() == list(SESSIONS)


def test_a_desk_without_further_indices_has_no_such_table(load):
    assert "vol_indices" not in load()


def test_rows_that_fail_go_to_quarantine_under_the_name_of_the_index(load):
    spoiled = lines(14.0)
    spoiled[7] = f"{SESSIONS[6]:%m/%d/%Y},-1"
    tables = load(vix9d=spoiled, skew=lines(130.0))
    assert tables["quarantine"][["table", "row", "reason"]].to_numpy().tolist() == [
        ["vol_indices.vix9d", 8, "volatility not above zero"]
    ]
    assert np.isnan(tables["vol_indices"]["vix9d"].iloc[6])
    assert tables["vol_indices"]["skew"].notna().all()
    assert tables["notes"]["note"].iloc[-2] == (
        "vix9d.csv: no value for 1 of 251 sessions (0 before it starts, 0 after it ends, 1 between): "
        "options are marked by the other indices there"
    )


def test_the_intake_has_a_row_for_each_file(load):
    intake = load(vix3m=lines(18.0, SESSIONS[100:200].drop(SESSIONS[150])))["intake"].set_index("table")
    assert intake["rows"].to_dict() == {"bars": 251, "implied_vol": 251, "vol_indices.vix3m": 99}
    assert intake["missing"].tolist() == [0, 0, 1]
    assert intake.loc["vol_indices.vix3m", "first"] == SESSIONS[100]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vix9d", [], r"vix9d\.csv: the file is empty"),
        ("vix3m", ["DATE,VALUE", "01/02/2018,1"], r"has no column close .*data\.vol_indices\.vix3m"),
        ("vvix", lines(0.9), r"median volatility is 0\.019 a year, read with data\.vol_indices\.vvix\.unit"),
        ("skew", lines(1.3), r"skew\.csv: 251 of 251 rows fail a check \(251 skew outside 50 to 250 po"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_it_should_be_is_one_line(load, name, content, message):
    with pytest.raises(DataError, match=message) as caught:
        load(**{name: content})
    assert "\n" not in str(caught.value)


def test_another_content_is_other_data(load):
    load(vix9d=lines(14.0))
    before = content_of(load.data)
    load(vix9d=lines(15.0))
    assert content_of(load.data).keys() == before.keys() == {"bars", "implied_vol", "vix9d"}
    assert content_of(load.data)["vix9d"] != before["vix9d"]
    with pytest.raises(DataError, match="changed while the run was starting"):
        load_tables(load.data, before)


def test_the_grid_has_the_indices_of_the_desk_however_few_rows_are_there_yet(load):
    tables = load(vix9d=lines(14.0, SESSIONS[50:]), skew=lines(130.0))
    whole = decision_grid(tables["bars"], tables["implied_vol"], tables["vol_indices"])
    assert list(whole)[-3:] == ["implied_vol", "vix9d", "skew"]
    np.testing.assert_array_equal(whole["vix9d"].isna(), np.arange(251) < 50)
    for rows in (30, 0):
        early = tables["vol_indices"][tables["vol_indices"]["session"] < SESSIONS[rows]]
        cut = decision_grid(tables["bars"].iloc[: max(rows, 1)], tables["implied_vol"], early)
        assert list(cut) == list(whole)
        assert cut["vix9d"].isna().all()


def test_yesterdays_index_is_not_todays(load):
    tables = load(vvix=lines(90.0, SESSIONS.drop(SESSIONS[20])))
    grid = decision_grid(tables["bars"], tables["implied_vol"], tables["vol_indices"])
    assert np.flatnonzero(grid["vvix"].isna()).tolist() == [20]


def test_the_files_that_cboe_publishes_are_read_as_they_are(load, tmp_path):
    folder = SHARED / "volatility_indices"
    if not folder.is_dir():
        pytest.skip("the shared market data is not on this machine")
    columns = {"vix9d": "CLOSE", "vix3m": "CLOSE", "vvix": "VVIX", "skew": "SKEW"}
    indices = {
        name: {"file": str(folder / f"{name.upper()}_History.csv"), "columns": {"value": column}}
        for name, column in columns.items()
    }
    data = {
        "bars": {"file": str(SHARED / "daily" / "spx_close_2008_2024.csv")},
        "implied_vol": {"file": str(folder / "VIX_History.csv")},
        "vol_indices": indices,
    }
    tables = load_tables(FilesData.model_validate({"source": "files", **data}))
    table = tables["vol_indices"].set_index("session")
    assert table.loc["2018-02-05", ["vix9d", "vix3m", "vvix"]].round(4).tolist() == [0.5934, 0.2813, 1.7734]
    assert table.loc["2024-12-31", "skew"] == 169.16
    assert tables["intake"]["quarantined"].max() < 25
