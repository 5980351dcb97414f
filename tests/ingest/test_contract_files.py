"""The files of one contract: what they hold together, and what is one clear error."""

from pathlib import Path

import fsspec
import pandas as pd
import pytest

from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.desk import desk_keys, validated
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import DataError, SettingsError
from pipeline.ingest.contract_files import content_of, load_contract
from tests.american_contract import AMOUNT, DESK, EX_DATES, coarse_grid, share, write_files

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module", autouse=True)
def _coarse():
    with coarse_grid():
        yield


def files(folder, **data):
    keys = desk_keys(DESK, "made.toml")
    keys.pop("kind")
    keys["data"] |= {"folder": str(folder), **data}
    return validated(ContractDesk, keys, "made.toml").data


def test_quotes_closes_and_dividends_are_those_that_were_written(tmp_path):
    data = files(write_files(tmp_path))
    tables = load_contract(data, content_of(data))
    closes = tables["closes"].set_index("session")["close"]
    assert closes.index.equals(share().index.as_unit("us"))
    assert closes.to_numpy() == pytest.approx(share().to_numpy(), abs=1e-9)
    dividends = tables["dividends"]
    assert dividends["ex_date"].dt.strftime("%Y-%m-%d").tolist() == list(EX_DATES)
    assert dividends["amount"].to_numpy() == pytest.approx(AMOUNT, abs=1e-4)
    assert tables["option_quotes"]["strike"].unique().tolist() == [100.0]
    assert tables["notes"]["note"].iloc[0].startswith("acme_quote_american.zip: 85 days of quotes")


def test_an_archive_of_several_contracts_needs_the_name_of_one(tmp_path):
    other = "acme_quote_american_call_1100000_20160115.csv"
    data = files(write_files(tmp_path, extra=(other,)))
    with pytest.raises(DataError, match=r"holds 2 contracts, .* data\.member"):
        load_contract(data, content_of(data))
    data = files(tmp_path, member=other)
    assert load_contract(data, content_of(data))["option_quotes"]["strike"].iloc[0] == 110.0


def test_the_folder_may_be_a_url_of_this_machine_or_of_another_where_the_history_has_whole_paths(tmp_path):
    data = files(write_files(tmp_path))
    url = data.model_copy(update={"folder": f"file://{data.folder}/"})
    assert content_of(url) == content_of(data)
    pd.testing.assert_frame_equal(
        *(load_contract(each, content_of(data))["dividends"] for each in (data, url))
    )
    away = fsspec.filesystem("memory")
    away.pipe(f"/quotes/{data.file}", Path(data.folder, data.file).read_bytes())
    with pytest.raises(SettingsError, match=r"data\.history: .*\.zip is read on this machine and cannot be"):
        content_of(data.model_copy(update={"folder": "memory://quotes"}))
    whole = {"folder": "memory://quotes", "history": data.located_history()}
    assert content_of(data.model_copy(update=whole)) == content_of(data)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(DataError, match="no such folder: give the option quotes of ACME with --data"):
        content_of(files(tmp_path / "none"))
    with pytest.raises(DataError, match=r"no file other\.zip as data\.file names it"):
        content_of(files(write_files(tmp_path), file="other.zip"))
    data = files(tmp_path, underlying="OTHER")
    with pytest.raises(DataError, match="no quote of OTHER"):
        load_contract(data, content_of(data))


def test_a_history_without_dividends_is_refused():
    text = DESK.replace('price_factor = "2", ', "")
    keys = desk_keys(text, "made.toml")
    keys.pop("kind")
    with pytest.raises(SettingsError, match="must name a file with a price_factor"):
        validated(ContractDesk, keys, "made.toml")


@pytest.mark.skipif(not (SHARED / "options/aapl_2015").exists(), reason="the shared data are not at hand")
def test_the_dividends_of_apple_are_those_that_it_paid():
    data = load_any("aapl-american").data.model_copy(update={"folder": SHARED / "options/aapl_2015"})
    tables = load_contract(data, content_of(data))
    assert len(tables["option_quotes"]) == 250
    dividends = tables["dividends"].set_index("ex_date")["amount"]
    assert dividends["2015"].round(3).to_dict() == {
        pd.Timestamp("2015-02-05"): 0.47,
        pd.Timestamp("2015-05-07"): 0.52,
        pd.Timestamp("2015-08-06"): 0.52,
        pd.Timestamp("2015-11-05"): 0.52,
    }
    assert tables["dividends"]["split"].max() == pytest.approx(7.0, abs=1e-5)
