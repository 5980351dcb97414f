import ast
from pathlib import Path

import pytest

from benchmarks.run import HERE, benchmarks
from benchmarks.targets import Target, TargetsError, load_targets


def written(folder: Path, text: str) -> Path:
    path = folder / "targets.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_pattern_stands_for_every_combination_of_its_fields(tmp_path):
    path = written(
        tmp_path,
        """
["a.{size}_{mode}"]
what = "size {size} in mode {mode}"
source = "the test"
unit = "s"
at_most = { 1 = 10, 2 = 20 }
for.size = ["1", "2"]
for.mode = ["x", "y"]
""",
    )
    targets = load_targets(path)
    assert list(targets) == ["a.1_x", "a.1_y", "a.2_x", "a.2_y"]
    assert [target.value for target in targets.values()] == [10, 10, 20, 20]
    assert targets["a.2_y"].what == "size 2 in mode y"
    assert targets["a.2_y"].benchmark == "a"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('what = "w"\nsource = "s"\nunit = "s"', "needs one of"),
        ('what = "w"\nsource = "s"\nunit = "s"\nat_most = 1\nbelow = 1', "needs one of"),
        ('what = "w"\nsource = "s"\nunit = "s"\nat_most = 1\ntypo = 1', "no keys but"),
        ('what = "w"\nsource = "s"\nunit = "s"\nat_most = 1\nof = "theirs"', "needs one of"),
        ('what = "{mode}"\nsource = "s"\nunit = "s"\nat_most = 1', "nothing given for 'mode'"),
        ('source = "s"\nunit = "s"\nat_most = 1', "nothing given for 'what'"),
    ],
)
def test_a_target_that_cannot_be_judged_is_named(tmp_path, body, fault):
    with pytest.raises(TargetsError, match=fault):
        load_targets(written(tmp_path, f'["a.b"]\n{body}\n'))


@pytest.mark.parametrize(
    ("bound", "figure", "met"),
    [
        ("at_least", 3.0, True),
        ("at_least", 2.9, False),
        ("at_most", 3.0, True),
        ("at_most", 3.1, False),
        ("below", 3.0, False),
        ("below", 2.9, True),
        ("below", None, False),
    ],
)
def test_bounds(bound, figure, met):
    target = Target("a.b", "", "", "s", "ours", bound, 3.0)
    assert target.met({"ours": figure}) is met


def test_every_target_that_is_shipped_names_a_benchmark_that_measures():
    offered = set(benchmarks())
    wanted = {target.benchmark for target in load_targets().values()}
    assert wanted <= offered | {"frontier", "market_b", "real_days", "volatility"}
    for path in HERE.glob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path.name
