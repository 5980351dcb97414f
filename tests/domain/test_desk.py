"""Desk files: what they default to, and one clear line for every mistake."""

import pytest
from pydantic import ValidationError

from pipeline.domain.desk import Desk, load_desk, parse_desk, shipped_desks
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import SettingsError


@pytest.mark.parametrize("name", shipped_desks())
def test_shipped_desks_load(name):
    assert load_any(name).name == name


def test_shipped_spx_daily_spells_out_the_defaults():
    assert load_desk("spx-daily").model_dump(exclude={"name", "description", "regimes"}) == Desk(
        name="x", regimes=load_desk("spx-daily").regimes
    ).model_dump(exclude={"name", "description", "regimes"})


@pytest.mark.parametrize("settings", [{}, {"policies": {"budget": 9}}])
def test_a_desk_without_policies_runs_the_usual_ones_and_its_map_where_it_has_one(settings):
    told = Desk(name="x", **settings)
    assert "regime_switched" in told.policies.run
    assert "regime_map" not in told.policies.run
    rules = {name: {"policy": "delta_implied"} for name in told.regimes.names}
    mapped = Desk(name="x", regimes={"map": rules}, **settings).policies
    assert set(mapped.run) - set(told.policies.run) == {"regime_map"}
    assert mapped.budget == told.policies.budget
    assert "regime_map" not in Desk(name="x", regimes={"map": rules}, policies={"run": ["none"]}).policies.run


def test_settings_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        load_desk("spx-daily").name = "other"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "x"\n[optoin]\nkind = "call"', r"f\.toml: unknown key optoin; did you mean option\?"),
        ('name = "x"\n[costs]\nfee = 1', r"f\.toml: unknown key costs\.fee; did you mean fee_bps\?"),
        ('name = "x"\n[costs]\nzzz = 1', r"unknown key costs\.zzz; valid: fee_bps, half_spread_bps"),
        ('name = "x"\n[costs]\nfee_bps = 9999.2', r"costs: fee_bps \+ half_spread_bps is 10000 bps, 100 %"),
        ('name = "x"\n[costs]\nfee_bps = -1', r"costs\.fee_bps: input should be greater than or equal to 0"),
        ('name = "x"\n[option]\nsessions = "many"', r"option\.sessions: .*not 'many'"),
        ('name = "x"\n[option]\nsessions = 40', r"forecasts\.horizons must reach the option's life of 40"),
        (
            'name = "x"\n[forecasts]\nhorizons = [21, 5]',
            r"forecasts: horizons \[21, 5\] must increase: \[5, 21\]",
        ),
        (
            'name = "x"\n[windows]\ntest_end = 2010-01-01',
            "windows: dates must run learn_start < signals_start",
        ),
        (
            'name = "x"\n[regimes.map]\ncalm = {policy = "none"}',
            "one rule for each of calm, normal, turbulent",
        ),
        ('name = "x"\n[policies]\nrun = ["regime_map"]', r"regime_map but \[regimes\.map\] is empty"),
        ('name = "x"\n[evaluation]\nblock_sessions = 10', "use at least 42"),
        ("[option]\nsessions = 21", "key name is missing"),
        ('name = "a/b"', "name: .*pattern"),
        ("name = ", "not valid TOML"),
        ('name = "x"\n[market]\nrate = inf', r"market\.rate: input should be a finite number"),
        ('name = "x"\n[regimes]\nfeatures = []', r"regimes\.features: tuple should have at least 1 item"),
        ('name = "x"\n[regimes.map]\ncalm = {policyy = "none"}', r"policyy; did you mean policy\?"),
    ],
)
def test_a_mistake_is_one_clear_line(text, message):
    with pytest.raises(SettingsError, match=message) as caught:
        parse_desk(text, "f.toml")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("f.toml: ")


def test_a_missing_file_names_the_nearest_desk():
    with pytest.raises(SettingsError, match=r"spx-dialy: no such file.*did you mean spx-daily\?"):
        load_desk("spx-dialy")


def test_a_user_file_is_read_from_its_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(shipped_desks()["spx-daily"].replace('"spx-daily"', '"mine"'))
    assert load_desk(str(path)).name == "mine"
    path.write_bytes(b"\xef\xbb\xbf" + b'name = "bom"\r\n[policies]\r\nrun = []\r\n')
    assert load_desk(str(path)).name == "bom"
    path.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(SettingsError, match="is not UTF-8"):
        load_desk(str(path))


@pytest.mark.parametrize(
    ("states", "names"),
    [
        (2, ("calm", "turbulent")),
        (3, ("calm", "normal", "turbulent")),
        (4, ("calm", "normal_1", "normal_2", "turbulent")),
    ],
)
def test_regime_names(states, names):
    assert Desk(name="x", policies={"run": ()}, regimes={"states": states}).regimes.names == names
