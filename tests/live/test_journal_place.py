"""What names the database of a journal is checked, holds no secret, and moves no journal that is kept."""

import sys

import pytest

from pipeline.domain.errors import JournalError, SettingsError
from pipeline.live.journal import Journal
from pipeline.live.journal_place import JOURNAL, journals_of
from pipeline.live.journal_server import keep_in, schema_of, told_server

NOWHERE = told_server("postgresql://me@127.0.0.1:1/desks")


@pytest.mark.parametrize(
    "told",
    [
        "postgresql://me:hunter2@host/desks",
        "postgresql://me:hun@ter/2@host/desks",
        "postgresql://host/desks?user=me&password=hunter2",
        "postgresql://host/desks?sslpassword=hunter2",
        "hunter2",
        "sqlite:///hunter2.db",
        "postgresql://host:hunter2/desks",
    ],
)
def test_what_is_no_database_or_holds_a_secret_is_refused_and_not_repeated(told):
    with pytest.raises(SettingsError, match="HEDGE_JOURNAL_URL") as refused:
        told_server(told)
    assert "hunter2" not in str(refused.value)


def test_every_desk_and_feed_has_a_schema_of_its_own():
    told = [("a", "b-c"), ("a-b", "c"), ("a_b", "c"), ("A-b", "c"), ("x" * 99, "d"), ("x" * 99, "e")]
    schemas = {schema_of(*each) for each in told}
    assert len(schemas) == len(told)
    assert max(map(len, schemas)) <= 63


def test_a_server_that_is_down_or_a_missing_driver_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    pytest.importorskip("psycopg", exc_type=ImportError)
    with pytest.raises(JournalError, match=r"journal postgresql.* cannot be made: .*refused") as refused:
        keep_in(NOWHERE, "made", tmp_path / "day", anew=False)
    assert "\n" not in str(refused.value)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(JournalError, match=r"pip install 'regime-hedge\[postgres\]'"):
        keep_in(NOWHERE, "made", tmp_path / "day", anew=False)
    assert not list(tmp_path.iterdir())


def test_a_journal_that_is_kept_stays_where_it_is(tmp_path):
    folder = tmp_path / "day"
    keep_in(None, "made", folder, anew=False)
    assert not folder.exists()
    folder.mkdir()
    Journal(folder / JOURNAL, "made", now=0).close()
    with pytest.raises(SettingsError, match=r"kept in .*journal\.db by now: unset the variable"):
        keep_in(NOWHERE, "made", folder, anew=False)
    assert journals_of(tmp_path) == [folder / JOURNAL]


def test_a_file_that_names_no_database_is_one_line(tmp_path):
    (tmp_path / f"{JOURNAL}-url").write_text("nonsense")
    with pytest.raises(JournalError, match="not the URL of a database"):
        Journal(tmp_path / JOURNAL, "made", now=0, writing=False)
