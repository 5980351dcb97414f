"""Prices adjusted for splits and dividends: total returns, and nothing known changes later."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.data_settings import FilesData
from pipeline.domain.errors import DataError
from pipeline.ingest.calendar import sessions_between
from pipeline.ingest.factors import as_quoted
from pipeline.ingest.sources import content_of, load_tables

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "daily"
SESSIONS = sessions_between(pd.Timestamp("2018-01-02"), pd.Timestamp("2018-12-31"))
PRICES = ["open", "high", "low", "close"]
NAMES = ("date", *PRICES, "volume")
COLUMNS = {name: str(place + 1) for place, name in enumerate(NAMES)}
DIVIDENDS = {60: 0.5, 130: 0.7}
"""Paid on these sessions, known the close before."""
SPLIT = 200
"""Session on which one share becomes four."""


def quoted(seed=3):
    """Return total-return closes and what an exchange quoted of them: without dividends, split later."""
    rng = np.random.default_rng(seed)
    total = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal(len(SESSIONS))))
    factor, close = np.ones(len(SESSIONS)), total.copy()
    for day, amount in DIVIDENDS.items():
        before = close[day - 1]
        factor[:day] *= 1.0 - amount / before
        close[day:] *= 1.0 - amount / before
    split = np.where(np.arange(len(SESSIONS)) < SPLIT, 0.25, 1.0)
    close = np.where(np.arange(len(SESSIONS)) < SPLIT, close, close / 4.0)
    bars = pd.DataFrame({"date": SESSIONS.strftime("%Y%m%d 00:00"), "close": close})
    bars = bars.assign(open=close, high=close * 1.01, low=close * 0.99, volume=np.where(split < 1, 1e6, 4e6))
    changes = [*(day - 1 for day in DIVIDENDS), SPLIT - 1]
    rows = [(f"{SESSIONS[i]:%Y%m%d}", factor[i], split[i], close[i]) for i in changes]
    factors = pd.DataFrame([*rows, ("20501231", 1.0, 1.0, 0.0)])
    return total, bars[list(NAMES)], factors


@pytest.fixture
def load(tmp_path):
    """Return a function that loads bars with factors, both without a header."""

    def run(bars, factors, **settings):
        bars.to_csv(tmp_path / "spy.csv", index=False, header=False)
        (tmp_path / "factors").mkdir(exist_ok=True)
        text = factors if isinstance(factors, str) else factors.to_csv(index=False, header=False)
        (tmp_path / "factors" / "spy.csv").write_text(text)
        vol = [f"{day:%Y-%m-%d},16" for day in SESSIONS]
        (tmp_path / "vol.csv").write_text("\n".join(["date,close", *vol]) + "\n")
        columns = {"date": "1", "price_factor": "2", "split_factor": "3", "reference_price": "4"}
        data = {
            "source": "files",
            "bars": {"file": "spy.csv", "header": False, "columns": COLUMNS},
            "implied_vol": {"file": "vol.csv"},
            "factors": {"file": "factors/spy.csv", "header": False, "columns": columns} | settings,
        }
        return load_tables(FilesData.model_validate(data).located(tmp_path))

    return run


def test_adjusted_prices_are_total_returns_from_the_first_quote_on(load):
    total, bars, factors = quoted()
    tables = load(bars, factors)
    np.testing.assert_allclose(tables["bars"]["close"], total, rtol=1e-12)
    np.testing.assert_allclose(tables["bars"]["high"], 1.01 * total, rtol=1e-12)
    assert tables["bars"]["close"].iloc[: min(DIVIDENDS)].tolist() == bars["close"].iloc[:60].tolist()
    assert set(tables["bars"]["volume"]) == {1e6}, "four shares of the fourth part are as many as before"
    factor = tables["adjustment"]["factor"].to_numpy()
    np.testing.assert_allclose(factor * bars["close"], total, rtol=1e-12)
    assert tables["intake"].set_index("table").loc["factors", "rows"] == 4
    (note,) = (text for text in tables["notes"]["note"] if "dividends" in text)
    assert note.startswith(
        f"factors/spy.csv: 3 dividends and splits, the last after {SESSIONS[199].date()}: "
    )


def as_of(factors, day):
    """Return the file as it was on a session: its last row is the one that holds then."""
    own = (factors[0] >= f"{SESSIONS[day]:%Y%m%d}").to_numpy().argmax()
    kept = factors.iloc[: own + 1].copy()
    kept.iloc[own, 0] = "20501231"
    return kept


@pytest.mark.parametrize("day", [90, 150, 230])
def test_cutting_later_rows_and_factors_changes_no_bit_of_an_earlier_price(load, day):
    _, bars, factors = quoted()
    whole, cut = load(bars, factors), load(bars.iloc[: day + 1], as_of(factors, day))
    for table in ("bars", "adjustment"):
        pd.testing.assert_frame_equal(cut[table], whole[table].iloc[: day + 1], check_exact=True)


@pytest.mark.parametrize("day", [90, 150])
def test_scrambling_later_rows_and_factors_changes_no_bit_of_an_earlier_price(load, day):
    _, bars, factors = quoted()
    later, after = bars.index > day, factors.index >= len(as_of(factors, day))
    other = bars.assign(**{name: bars[name].where(~later, 1.1 * bars[name]) for name in PRICES})
    changed = factors.copy()
    changed.loc[after, [1, 3]] *= [0.97, 0.0]
    scrambled = load(other, changed)["bars"].iloc[: day + 1]
    pd.testing.assert_frame_equal(scrambled, load(bars, factors)["bars"].iloc[: day + 1], check_exact=True)


def test_the_level_of_the_factors_does_not_matter(load):
    """A vendor writes the last factor as 1 and scales all earlier ones anew after every dividend."""
    _, bars, factors = quoted()
    scaled = factors.copy()
    scaled[1] *= 2.0
    pd.testing.assert_frame_equal(load(bars, scaled)["bars"], load(bars, factors)["bars"], check_exact=True)


def test_splits_alone_may_be_adjusted_for(load):
    _, bars, factors = quoted()
    close = load(bars, factors, columns={"date": "1", "split_factor": "3"})["bars"]["close"]
    np.testing.assert_allclose(close, bars["close"] * np.where(bars.index < SPLIT, 1.0, 4.0), rtol=1e-12)


def test_money_of_the_last_session_is_the_quoted_one(load):
    _, bars, factors = quoted()
    tables = load(bars, factors)
    for day in (0, 100, 250):
        shown = as_quoted(tables["bars"].iloc[: day + 1], tables["adjustment"])
        assert shown["close"].iloc[-1] == pytest.approx(bars["close"].iloc[day], rel=1e-12)
        ratios = (shown[name] / tables["bars"][name].iloc[: day + 1] for name in PRICES)
        assert all(np.ptp(ratio) < 1e-12 for ratio in ratios)


def changed(row, column, value):
    factors = quoted()[2].astype(object)
    factors.iloc[row, column] = value
    return factors


FAULTS = {
    "factor of zero": (changed(1, 1, 0), "line 2 is .*: price_factor is no number above zero: mend it"),
    "negative split": (changed(2, 2, -4), "line 3 is .*: split_factor is no number above zero: mend it"),
    "text": (changed(0, 1, "n.b."), "line 1 is .*: not a number: price_factor: mend it"),
    "no value": (changed(0, 2, ""), "line 1 is .*: no value: split_factor: mend it"),
    "no date": (changed(1, 0, "soon"), "line 2 is .*: unreadable date: mend it"),
    "half a row": ("20180329,0.99", "has no column 3"),
    "a cut row": ("20180329,0.99,1,50\n20180629,0.9", "line 2 is .*: wrong number of fields: mend it"),
    "unsorted": (quoted()[2].iloc[[1, 0, 2, 3]], "line 2 is of 2018-03-28, after a row of .*: sort the file"),
    "one date twice": (quoted()[2].iloc[[0, 1, 1, 3]], "line 3 is of 2018-07-09, after a row of 2018-07-09"),
    "ends early": (quoted()[2].iloc[:2], "up to 2018-07-09, and the bars go on to 2018-12-31: add the rows"),
    "other days": (
        quoted()[2].iloc[[3]],
        "no factor changes within the bars, from 2018-01-02 to 2018-12-31: leave out data.factors",
    ),
    "empty": ("", "the file is empty"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_factor_file_stops_the_run_with_one_line_that_names_it(load, fault):
    factors, message = FAULTS[fault]
    with pytest.raises(DataError, match=message) as caught:
        load(quoted()[1], factors)
    assert "\n" not in str(caught.value)
    assert "spy.csv: " in str(caught.value)


def test_a_missing_factor_file_is_one_line(load):
    with pytest.raises(DataError, match=r"none\.csv: no such file"):
        load(quoted()[1], quoted()[2], file="none.csv")


def test_factors_of_other_bars_are_told_by_the_reference_price(load):
    _, bars, factors = quoted()
    factors[3] *= 1.02
    with pytest.raises(
        DataError,
        match=r"3 of 3 reference prices are not the quoted close, the first on 2018-03-28: .*price_sc",
    ):
        load(bars, factors)
    factors = quoted()[2]
    factors.loc[1, 3] *= 1.02
    assert any(
        "1 of 3 reference prices are not the quoted close" in text
        for text in load(bars, factors)["notes"]["note"]
    )


def test_the_content_of_the_factors_is_part_of_the_data(load, tmp_path):
    _, bars, factors = quoted()
    load(bars, factors)
    data = FilesData.model_validate(
        {
            "source": "files",
            "bars": {"file": "spy.csv"},
            "implied_vol": {"file": "vol.csv"},
            "factors": {"file": "factors/spy.csv", "columns": {"price_factor": "2"}},
        }
    ).located(tmp_path)
    assert data.reinvests
    before = content_of(data)
    assert len(set(before.values())) == len(before) == 3
    (tmp_path / "factors" / "spy.csv").write_text("changed")
    assert content_of(data)["factors"] != before["factors"]


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data/daily")
@pytest.mark.parametrize(("ticker", "wrong"), [("spy", 0), ("aapl", 3)])
def test_real_archives_are_read_as_they_are_extracted(tmp_path, ticker, wrong):
    """Three rows of Apple's archive have a low a tenth of what it was."""
    zipfile.ZipFile(SHARED / f"{ticker}.zip").extractall(tmp_path)
    bars = pd.read_csv(tmp_path / f"{ticker}.csv", names=NAMES)
    days = pd.to_datetime(bars["date"].str[:8])
    (tmp_path / "vol.csv").write_text("\n".join(["date,close", *(f"{day:%Y-%m-%d},20" for day in days)]))
    columns = {"date": "1", "price_factor": "2", "split_factor": "3", "reference_price": "4"}
    data = {
        "source": "files",
        "jump_limit": 0.8,  # Apple halved on 2000-09-29
        "bars": {"file": f"{ticker}.csv", "header": False, "price_scale": 1e-4, "columns": COLUMNS},
        "implied_vol": {"file": "vol.csv"},
        "factors": {"file": SHARED / f"{ticker}.csv", "header": False, "columns": columns},
    }
    tables = load_tables(FilesData.model_validate(data).located(tmp_path))
    assert len(tables["quarantine"]) == wrong
    table = pd.read_csv(SHARED / f"{ticker}.csv", names=["until", "price", "split", "close"])
    total = (table["price"] * table["split"]).to_numpy()
    close, raw = tables["bars"]["close"].to_numpy(), 1e-4 * bars["close"].to_numpy()
    assert close[0] == pytest.approx(raw[0], rel=1e-12)
    assert close[-1] == pytest.approx(raw[-1] * total[-1] / total[0], rel=1e-12)
    assert not any("reference prices" in text for text in tables["notes"]["note"])
