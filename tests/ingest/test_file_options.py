import pytest

from pipeline.domain.errors import SettingsError
from pipeline.ingest.file_options import as_options, each_file, named_columns


def test_a_value_for_all_files_gives_way_to_that_of_one():
    found = each_file(["%d/%m/%Y", "vol=%d.%m.%y", "vol=%Y-%m-%d"])
    assert (found["bars"], found["skew"]) == (("%d/%m/%Y",), ("%d/%m/%Y",))
    assert found["vol"] == ("%d.%m.%y", "%Y-%m-%d")


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (named_columns, "close", "--column close: write NAME=COLUMN"),
        (named_columns, "vix.close=x", "no such file as vix; did you mean v"),
        (each_file, "volume=%d", r"no such file as volume; did you mean vol\?"),
    ],
)
def test_what_names_no_file_is_an_error(read, text, message):
    with pytest.raises(SettingsError, match=message):
        read([text])


def test_a_column_may_hold_any_sign():
    assert named_columns(["close=a.b=c"]) == {"bars": {"close": "a.b=c"}}


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("data.vol_indices.skew.columns.value", "--column skew.value=COLUMN"),
        ("data.factors.columns.price_factor", "--column factors.price_factor=COLUMN"),
        (
            "is 0.1, read with data.vol_indices.vix9d.unit 'decimal': try 'points', or another column",
            "is 0.1, read as decimal: name another column with --column vix9d.value=COLUMN",
        ),
        (
            "bring RQ to one unit, or leave out columns.rq",
            "bring RQ to one unit, or leave it out with --column realized.rq=",
        ),
        ("more than data.vol_jump_limit 2 allows", "more than --vol-jump-limit 2 allows"),
        ("a.csv: no such file; paths in a desk file are seen from its own folder", "a.csv: no such file"),
        ("no column update_format", "no column update_format"),
    ],
)
def test_settings_are_said_as_options(message, words):
    assert as_options(message) == words
