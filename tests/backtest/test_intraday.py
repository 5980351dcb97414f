"""A small desk within the day on made-up ticks: the whole chain, and that none of it sees the future."""

import shutil
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.decision_windows import decision_windows
from pipeline.backtest.intraday_comparison import run_intraday
from pipeline.backtest.intraday_signals import learn_intraday
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import DataError
from pipeline.evaluate.intraday import evaluate_intraday
from pipeline.evaluate.intraday_report import intraday_report
from pipeline.evaluate.report import write_report
from pipeline.evaluate.run_record import RunRecord
from pipeline.features.decision_grid import decision_features
from pipeline.ingest.market_days import content_of, load_days
from pipeline.ingest.pieces import InMemory
from tests.market_ticks import DESK, FIRST, write_day, write_market


def chain(desk):
    pieces = InMemory()
    market = load_days(desk.data, desk.grid.zone, content_of(desk.data), pieces)
    features = decision_features(desk, market, pieces)
    signals = learn_intraday(desk, features, pieces)
    return {**market, **features, **signals, **run_intraday(desk, signals, pieces)}


def desk_at(folder, path):
    path.write_text(DESK.replace("[data]", f'[data]\nfolder = "{folder}"'))
    return load_any(str(path))


@pytest.fixture(scope="module")
def ticks(tmp_path_factory):
    return write_market(tmp_path_factory.mktemp("ticks"))


@pytest.fixture(scope="module")
def desk(ticks, tmp_path_factory):
    return desk_at(ticks, tmp_path_factory.mktemp("desk") / "desk.toml")


@pytest.fixture(scope="module")
def tables(desk):
    return chain(desk)


def test_the_chain_ends_in_books_that_add_up(tables):
    episodes = tables["episodes"]
    parts = episodes["premium"] + episodes["trading"] - episodes["cost"] - episodes["payoff"]
    np.testing.assert_allclose(episodes["pnl"], parts, atol=1e-12)
    assert (episodes.groupby("policy").size() > 100).all()
    assert (tables["unfilled"].groupby("reason")["orders"].sum()["not enough shown"]) > 0
    assert not tables["signals"]["tested"].iloc[0]
    assert tables["signals"]["tested"].iloc[-1]


def test_no_option_lives_through_a_night(desk, tables):
    starts = tables["episodes"].drop_duplicates("start")["start"]
    ends = starts + pd.Timedelta(seconds=desk.grid.every_seconds * desk.option.steps)
    local = ends.dt.tz_localize("UTC").dt.tz_convert(desk.grid.zone)
    assert (local.dt.time <= desk.grid.close).all()


def test_report_and_summary_say_how_the_option_is_marked(desk, tables, tmp_path):
    evaluation = evaluate_intraday(desk, tables)
    report = intraday_report(evaluation, RunRecord("run", "code"))
    files = write_report(report, tmp_path / "report")
    page = files["report"].read_text()
    assert "dealt and marked at a forecast" in page
    assert "Drift of market quality" in page
    summary = report.summary
    assert set(summary["policies"]) >= {"delta_implied", "regime_switched"}
    assert {row["target"] for row in summary["liquidity"]} == {"half_spread", "depth", "crossing_cost"}
    own = evaluation.settings.evaluation.model_copy(update={"demonstration": True})
    from dataclasses import replace

    told = replace(evaluation, settings=desk.model_copy(update={"evaluation": own}))
    assert "This is a demonstration on 3 days of one venue" in told.said[1]


def test_windows_follow_days_or_minutes(desk, tables):
    rows = tables["features"]
    times, days = pd.DatetimeIndex(rows["time"]), rows["day"]
    daily = decision_windows(desk, times, days)
    assert [window.tested for window in daily] == [False, True, True]
    hourly = desk.model_copy(update={"windows": desk.windows.model_copy(update={"refit_minutes": 60})})
    assert len(decision_windows(hourly, times, days)) == 6
    late = desk.model_copy(update={"windows": desk.windows.model_copy(update={"test_start": FIRST})})
    with pytest.raises(DataError, match=r"windows\.test_start .* move it inside"):
        decision_windows(late, times, days)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["scrambled", "cut"])
def test_what_comes_later_changes_nothing_before_it(desk, ticks, tables, tmp_path, change):
    """The last day becomes another one, or is not there: signals, fits and episodes before it stay."""
    folder = tmp_path / "other"
    shutil.copytree(ticks, folder)
    last = FIRST + timedelta(days=3)
    if change == "scrambled":
        write_day(folder, last, seed=99)
    else:
        for path in folder.glob(f"{last:%Y%m%d}_*"):
            path.unlink()
    other = chain(desk_at(folder, tmp_path / "desk.toml"))
    for name in ("features", "fills", "signals"):
        before, after = (each[name] for each in (tables, other))
        day = last.isoformat() if name != "fills" else None
        own, its = (
            table[table["day"] < day] if day else table[table["time"] < f"{last.isoformat()}"]
            for table in (before, after)
        )
        assert len(own) > 200
        if change == "scrambled":
            pd.testing.assert_frame_equal(own, its, check_exact=True)
        else:
            pd.testing.assert_frame_equal(own, its, rtol=1e-12)
    window = tables["episodes"]["window"].max()
    for name in ("episodes", "tuned"):
        own, its = (
            each[name][each[name]["window"] < window].reset_index(drop=True) for each in (tables, other)
        )
        assert len(own) > 0
        pd.testing.assert_frame_equal(own, its, check_exact=change == "scrambled")


@pytest.mark.slow
def test_tomorrow_of_the_same_day_does_not_change_this_morning(desk, tables, tmp_path, ticks):
    """Ticks after eleven of the last day become others: what was known before stays, to the last bit."""
    import zipfile

    folder = tmp_path / "other"
    shutil.copytree(ticks, folder)
    last, until = FIRST + timedelta(days=3), 39_600_000
    other_day = tmp_path / "day"
    other_day.mkdir()
    write_day(other_day, last, seed=50)
    for kind in ("quote", "trade"):
        name = f"{last:%Y%m%d}_{kind}.zip"
        parts = []
        for place, keep in ((ticks, lambda t: t <= until), (other_day, lambda t: t > until)):
            with zipfile.ZipFile(place / name) as archive:
                lines = archive.read(archive.namelist()[0]).decode().splitlines()
            parts += [line for line in lines if keep(int(line.split(",")[0]))]
        from tests.market_ticks import write

        write(folder, last, kind, parts)
    other = chain(desk_at(folder, tmp_path / "desk.toml"))
    eleven = pd.Timestamp(f"{last} 11:00", tz=desk.grid.zone)
    for name in ("features", "signals"):
        own, its = (each[name][each[name]["time"] <= eleven] for each in (tables, other))
        pd.testing.assert_frame_equal(own, its, check_exact=True)
    finished = (eleven - pd.Timedelta(seconds=30 * 11)).tz_convert("UTC").tz_localize(None)
    own, its = (each["episodes"][each["episodes"]["start"] <= finished] for each in (tables, other))
    pd.testing.assert_frame_equal(own.reset_index(drop=True), its.reset_index(drop=True), check_exact=True)
    assert not other["features"].equals(tables["features"])
