import errno
import re

import pytest

from pipeline.cli import command as cli
from tests.processes import MAIN


def test_help_names_every_command_and_imports_nothing_heavy(hedge):
    heavy = "sorted({'pandas', 'mlflow', 'prefect'} & set(sys.modules))"
    shown = hedge("--help", code=f"import sys\ntry:\n    {MAIN}\nfinally:\n    print({heavy})")
    assert shown.returncode == 0
    for command in ("run", "decide", "up", "desk", "ingest", "features", "train", "backtest", "desks", "ui"):
        assert f"│ {command} " in shown.stdout
    assert shown.stdout.splitlines()[-1] == "[]"


def test_a_disk_that_is_full_or_read_only_is_one_line_and_code_1(monkeypatch, capsys):
    def full():
        raise OSError(errno.EROFS, "Read-only file system", "/data/live/token")

    monkeypatch.setattr(cli, "app", full)
    monkeypatch.setattr(cli.gc, "freeze", int)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("hedge: /data/live/token: Read-only file system: ")


def test_version(hedge):
    assert hedge("--version").stdout.startswith("regime-hedge 0.")


def test_desks_lists_what_is_shipped(hedge_here):
    names = [line.split()[0] for line in hedge_here("desks").stdout.splitlines()]
    assert names == ["aapl-american", "bac-intraday", "btc-intraday", "spx-chain", "spx-daily"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "spx-dayly"), "spx-dayly: no such file.*did you mean spx-daily"),
        (("train", "missing.toml"), "missing.toml: no such file"),
        (("train", "spx-daily", "--steps", "5"), "--steps goes with --policy"),
        (
            ("train", "spx-daily", "--policy", "network_band", "--learning-rate", "-1"),
            "--learning-rate -1: give a positive number",
        ),
        (
            ("train", "spx-daily", "--policy", "network_band", "--volatility", "nan", "0.5"),
            "--volatility nan: give a positive number",
        ),
        (("train", "spx-daily", "--policy", "network_band", "--force"), "--force goes without --policy"),
        (("run", "spx-daily", "--home", "/proc/nowhere"), "--home /proc/nowhere: "),
        (("ui", "--home", "/tmp/no-runs-here"), "holds no runs yet"),
    ],
)
def test_a_wrong_argument_is_one_line_and_code_1(hedge_here, arguments, message):
    done = hedge_here(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(f"hedge: .*{message}.*\n", done.stderr)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "refit_months = 12",
            "refit_month = 12",
            "refit_month; did you mean refit_months?",
        ),
        ("budget = 8", "budget = 8\n\n[costs]\nfee_bps = 10000", "it must be below 1000 bps"),
    ],
)
def test_a_wrong_desk_is_told_before_anything_starts(hedge_here, variant, tmp_path, old, new, message):
    done = hedge_here("run", variant(old, new), "--home", tmp_path / "home")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert "variant.toml" in done.stderr
    assert not (tmp_path / "home").exists()


def test_an_unknown_option_is_a_usage_error(hedge_here):
    assert hedge_here("run", "spx-daily", "--frce").returncode == 2
