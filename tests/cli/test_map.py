import json

from pipeline.backtest.information_price import Cell
from pipeline.cli.information_map import VARIED
from pipeline.evaluate import information_map


def test_an_axis_that_does_not_exist_is_one_line(hedge_here, tmp_path):
    done = hedge_here("map", "--axis", "jumps", "--home", tmp_path)
    assert done.returncode == 1
    assert done.stderr == ("hedge: the map has no axis jumps; did you mean jump?\n")


def test_help_names_every_axis():
    assert VARIED.split(", ") == list(information_map.AXES)


def test_the_map_is_told_and_written_and_kept(hedge_here, tmp_path, monkeypatch):
    cells = [Cell("jump", "-4 %", jump=-0.04, steps=5), Cell("jump", "0 %", steps=5)]
    monkeypatch.setattr(information_map, "AXES", {"jump": cells})
    first = hedge_here("map", "--axis", "jump", "--paths", 1000, "--home", tmp_path)
    assert first.returncode == 0, first.stderr
    assert [line.split()[1] for line in first.stdout.splitlines()[:2]] == ["-4", "0"]
    folder = tmp_path / "data" / "reports" / "map"
    assert first.stdout.splitlines()[-1] == f"written to {folder}: map.csv, map.json, map.md, map.png"
    again = hedge_here("map", "--axis", "jump", "--paths", 1000, "--home", tmp_path, "--json")
    assert json.loads(again.stdout) == json.loads((folder / "map.json").read_text())
    assert again.stderr == "".join(line + "\n" for line in first.stdout.splitlines()[:2])


def test_too_few_paths_are_refused(hedge_here, tmp_path):
    done = hedge_here("map", "--paths", 10, "--home", tmp_path)
    assert done.returncode == 2
    assert "1000" in done.stderr
