"""Desk files of kind intraday: one clear line for every mistake, and the same desk in a daily one's words."""

from datetime import date

import pytest

from pipeline.domain.data_folder import DATA_FOLDER
from pipeline.domain.desk import load_desk
from pipeline.domain.desk_file import kind_of, load_any
from pipeline.domain.errors import SettingsError
from tests.market_ticks import DESK


def desk(tmp_path, *changes):
    text = DESK
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "desk.toml"
    path.write_text(text)
    return load_any(str(path))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("every_seconds", "every_second", r"unknown key grid\.every_second; did you mean every_seconds\?"),
        ("national_best = true", "nationalbest = true", r"unknown key data\.nationalbest; did you mean"),
        ("America/New_York", "New_York", r"grid\.zone: no such time zone"),
        ("close = 12:00:00", "close = 09:00:00", r"grid: close must be later than open"),
        ("horizons = [1, 10]", "horizons = [1, 5]", r"must reach the option's life of 10 steps"),
        ("block_steps = 20", "block_steps = 19", r"use at least 20"),
        ("test_end = 2020-03-05", "test_end = 2020-03-03", r"windows: times must run learn_start <"),
        ('kind = "intraday"', 'kind = "intradaily"', r"no such kind of desk; did you mean intraday\?"),
        ("states = 2", 'states = "bic"', r"regimes\.states must be a number"),
        ('"delta_implied", ', '"regime_map", ', r"regime_map but \[regimes\.map\] is empty"),
        ('"delta_implied", ', '"limit_aware", ', r"limit_aware, which an intraday desk does not run"),
    ],
)
def test_a_mistake_is_one_clear_line(tmp_path, old, new, message):
    with pytest.raises(SettingsError, match=message) as caught:
        desk(tmp_path, (old, new))
    assert "\n" not in str(caught.value)


def test_a_daily_command_refuses_an_intraday_desk():
    with pytest.raises(SettingsError, match="kind intraday: here only daily desks"):
        load_desk("bac-intraday")


def test_data_without_a_folder_names_the_ways_to_give_one(tmp_path, monkeypatch):
    monkeypatch.delenv(DATA_FOLDER, raising=False)
    with pytest.raises(SettingsError, match=rf"--data FOLDER, set {DATA_FOLDER}, or write data.folder"):
        _ = desk(tmp_path).data.place


def test_a_folder_is_seen_from_the_desk_file(tmp_path):
    assert desk(tmp_path, ('instrument = "XYZ"', 'instrument = "XYZ"\nfolder = "ticks"')).data.place == (
        tmp_path / "ticks"
    )


def test_in_steps_a_decision_stands_for_a_session(tmp_path):
    small = desk(tmp_path)
    daily = small.in_steps()
    assert (daily.option.sessions, daily.option.start_every) == (10, 3)
    assert daily.evaluation.block_sessions == 20
    assert daily.risk == small.risk
    assert kind_of(small) == "intraday"


def test_signals_do_not_depend_on_policies_or_costs(tmp_path):
    dear = desk(tmp_path, ("[policies]", "[costs]\nfee_bps = 9.0\n[policies]"), ("budget = 8", "budget = 9"))
    assert dear.for_signals() == desk(tmp_path).for_signals()


def test_a_later_end_must_lie_after_the_start(tmp_path):
    assert desk(tmp_path).through(date(2020, 3, 9)).windows.test_end == date(2020, 3, 9)
    with pytest.raises(SettingsError, match="start earlier"):
        desk(tmp_path).through(date(2020, 3, 3))


def test_every_table_of_policies_regimes_and_costs_has_a_default(tmp_path):
    text = """kind = "intraday"
name = "small"
[data]
instrument = "BTCUSDT"
files = ["*.csv"]
[windows]
learn_start = 2020-02-22T00:00:00
signals_start = 2020-02-22T00:20:00
test_start = 2020-02-22T00:40:00
test_end = 2020-02-22T01:30:00
"""
    (tmp_path / "small.toml").write_text(text)
    assert "regime_map" not in load_any(str(tmp_path / "small.toml")).policies.run


def test_orders_are_worked_until_a_next_decision_that_a_clock_tells(tmp_path):
    sliced = "[data]", "[orders]\nslices = 2\n\n[data]"
    assert not desk(tmp_path, sliced).orders.at_once
    with pytest.raises(SettingsError, match=r"until the next decision: set grid\.every_seconds"):
        desk(tmp_path, sliced, ("every_seconds = 30", "every_events = 7"))
