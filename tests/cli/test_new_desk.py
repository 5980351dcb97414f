import re

import pandas as pd
import pytest

from pipeline.backtest.desk_check import checked_desk
from pipeline.ingest.calendar import sessions_between


@pytest.fixture
def own_data(tmp_path):
    """A folder with bars and a volatility index of nine years, one bar of them crossed."""
    days = sessions_between(pd.Timestamp("2010-01-04"), pd.Timestamp("2018-12-31"))
    bars = pd.DataFrame(
        {"date": days, "open": 100.0, "high": 101.0, "low": 99.0, "close": 100.0, "volume": 5}
    )
    bars.loc[7, "high"] = 98.0
    bars.to_csv(tmp_path / "prices.csv", index=False)
    pd.DataFrame({"DATE": days, "CLOSE": 16.0}).to_csv(tmp_path / "vol.csv", index=False)
    return tmp_path


def test_a_desk_is_written_for_own_data_and_not_over_another(hedge_here, own_data):
    path = own_data / "mine.toml"
    arguments = ("desk", "new", path, "--bars", own_data / "prices.csv", "--vol", own_data / "vol.csv")
    done = hedge_here(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{path} is written: look through it, then hedge run {path}\n"
    assert "1 in quarantine (1 crossed high and low)" in done.stderr
    assert checked_desk(str(path)).data.bars.file == own_data / "prices.csv"
    again = hedge_here(*arguments)
    assert (again.returncode, again.stdout) == (1, "")
    assert re.fullmatch(r"hedge: .*mine\.toml: is there already: .*--force.*\n", again.stderr)
    assert hedge_here(*arguments, "--force").returncode == 0


def test_a_desk_for_data_that_is_missing_is_one_line(hedge_here, own_data):
    path = own_data / "mine.toml"
    done = hedge_here("desk", "new", path, "--bars", own_data / "prices.csv", "--vol", own_data / "no.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"hedge: .*no\.csv: no such file.*\n", done.stderr)
    assert not path.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("served")
def test_own_data_is_known_by_its_content_and_its_quarantine_is_told_every_time(hedge_here, home, own_data):
    path = own_data / "mine.toml"
    hedge_here("desk", "new", path, "--bars", own_data / "prices.csv", "--vol", own_data / "vol.csv")
    first, again = (hedge_here("ingest", path, "--home", home) for _ in range(2))
    for done in (first, again):
        assert done.returncode == 0, done.stderr
        assert "1 in quarantine (1 crossed high and low)" in done.stderr
    assert first.stdout == again.stdout
    assert "unchanged" in again.stderr
    prices = own_data / "prices.csv"
    prices.write_text(prices.read_text().replace("99.0", "98.5", 1))
    changed = hedge_here("ingest", path, "--home", home)
    assert changed.stdout != first.stdout
    prices.write_text(prices.read_text()[:40])
    stopped = hedge_here("ingest", path, "--home", home)
    assert stopped.returncode == 1
    assert re.match(r"hedge: .*mine\.toml: prices\.csv: ", stopped.stderr.splitlines()[-1])
    assert "Traceback" not in stopped.stderr
