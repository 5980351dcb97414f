"""Names in a desk file are checked before anything runs."""

import pytest

from pipeline.backtest.desk_check import checked_desk
from pipeline.domain.desk import shipped_desks
from pipeline.domain.errors import SettingsError


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"log_parkinson_1d"', '"log_parkinsn_1d"', "unknown feature log_parkinsn_1d; did you mean log_park"),
        (
            '"zakamouline",',
            '"zakamolin",',
            r"policies\.run names the unknown policy zakamolin; did you mean zak",
        ),
        (
            'policy = "delta_implied"',
            'policy = "delta"',
            r"regimes\.map\.turbulent names the unknown policy delta",
        ),
        ('policy = "delta_implied"', 'policy = "regime_map"', r"map\.turbulent cannot be regime_map itself"),
    ],
)
def test_a_wrong_name_is_one_line_with_file_and_key(tmp_path, old, new, message):
    path = tmp_path / "mine.toml"
    path.write_text(shipped_desks()["spx-daily"].replace(old, new))
    with pytest.raises(SettingsError, match=message) as caught:
        checked_desk(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


FILES = """\
name = "mine"
[data]
source = "files"
[data.bars]
file = "bars.csv"
columns = {{ {columns} }}
[data.implied_vol]
file = "vol.csv"
[regimes]
features = ["{feature}"]
[policies]
run = []
"""


@pytest.mark.parametrize(
    ("columns", "feature", "message"),
    [
        (
            'low = "low"',
            "log_parkinson_1d",
            "needs the high: set data.bars.columns.high, or choose",
        ),
        ('high = "h", low = "l"', "illiquidity_5d", "needs the volume: set data.bars.columns.volume, or"),
        ("", "log_rv_1d", r"needs the rv: set data\.realized\.columns\.rv, or choose another feature"),
        ("", "vvix", r"needs the vvix: set data\.vol_indices\.vvix, or choose another feature"),
    ],
)
def test_bars_without_a_column_that_is_needed_name_the_setting(tmp_path, columns, feature, message):
    path = tmp_path / "mine.toml"
    path.write_text(FILES.format(columns=columns, feature=feature))
    with pytest.raises(SettingsError, match=message) as caught:
        checked_desk(str(path))
    assert "\n" not in str(caught.value)


def test_closes_are_enough(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FILES.format(columns='close = "c"', feature="return_1d"))
    assert checked_desk(str(path)).data.bars.columns.high is None


def test_the_sample_has_no_further_indices(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nregimes.features = ["skew"]\npolicies.run = []')
    with pytest.raises(SettingsError, match="needs the skew: only data of the source files has it"):
        checked_desk(str(path))
