import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from numba.core.caching import CacheImpl
from numba.extending import intrinsic

import pipeline
from pipeline.domain.compiled_from import compiled_from
from pipeline.domain.kept import KeptLocator, Stamp, kept

PACKAGE = {
    "__init__": "",
    "rates": "RATE = 2.0\nOTHER = 1\n",
    "steps": "from numba import njit\n\n@njit\ndef step(x):\n    return x + 1.0\n\ndef apart(): return 1\n",
    "loops": (
        "from numba import njit\nfrom pipeline.domain.kept import kept\n"
        "from desk_of_test.steps import step\nfrom desk_of_test import rates\n\n"
        "@kept(nogil=True)\ndef stepped(x):\n    return through(x)\n\n"
        "@kept(nogil=True)\ndef rated(x):\n    return rates.RATE * x\n\n"
        "@njit\ndef through(x):\n    return step(x)\n"
    ),
}
ASKED = (
    "from desk_of_test.loops import rated, stepped\n"
    "print(stepped(1.0), rated(1.0), *(sum(each.stats.cache_hits.values()) for each in (stepped, rated)))"
)


@pytest.fixture
def package(tmp_path):
    (tmp_path / "desk_of_test").mkdir()
    for name, text in PACKAGE.items():
        (tmp_path / "desk_of_test" / f"{name}.py").write_text(text)
    return tmp_path / "desk_of_test"


def edit(file, before, after):
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))


def asked(package):
    """What another process finds: the two results, and how many of them were kept."""
    paths = os.pathsep.join([str(package.parent), str(Path(pipeline.__file__).parents[1])])
    own = {
        "PYTHONPATH": paths,
        "NUMBA_CACHE_DIR": str(package.parent / "kept"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    told = subprocess.run(
        [sys.executable, "-c", ASKED], env=os.environ | own, capture_output=True, text=True, check=True
    )
    return [float(word) for word in told.stdout.split()]


def test_an_edit_in_another_file_counts_where_it_is_reached_and_nowhere_else(package):
    assert asked(package) == [2.0, 2.0, 0, 0]
    edit(package / "steps.py", "return 1\n", "return 2\n")
    edit(package / "rates.py", "OTHER = 1", "OTHER = 2")
    assert asked(package) == [2.0, 2.0, 1, 1]
    edit(package / "steps.py", "x + 1.0", "x + 5.0")
    assert asked(package) == [6.0, 2.0, 0, 1]
    edit(package / "rates.py", "RATE = 2.0", "RATE = 3.0")
    assert asked(package) == [6.0, 3.0, 1, 0]


SIZE = np.array([1.0, 2.0])


@intrinsic
def same(typing, value):
    def generate(context, builder, signature, args):
        return args[0]

    return value(value), generate


@njit
def scaled(x):
    return same(x) * SIZE[1]


def over(x):
    return later(x) + scaled(x)


@njit
def later(x):
    return over_again(x)


def over_again(x):
    return x


def test_what_a_function_is_made_of_reaches_arrays_options_intrinsics_and_later_names(monkeypatch):
    stamps = {compiled_from(over)}
    for name, value in (
        ("SIZE", np.array([1.0, 3.0])),
        ("scaled", njit(fastmath=True)(scaled.py_func)),
        ("same", intrinsic(lambda typing, value: (value(value), lambda *given: given[3][0]))),
        ("over_again", lambda x: x + 1),
    ):
        monkeypatch.setitem(globals(), name, value)
        assert compiled_from(over) not in stamps, name
        stamps.add(compiled_from(over))
    monkeypatch.undo()
    assert compiled_from(over) == compiled_from(over) in stamps


def test_a_stamp_looks_when_it_is_asked_and_then_stays(monkeypatch):
    stamp = Stamp(over)
    monkeypatch.setitem(globals(), "SIZE", np.array([1.0, 4.0]))
    told = compiled_from(over)
    assert told == stamp
    monkeypatch.undo()
    assert told == stamp != compiled_from(over)


LOOKED_UP = {"a": 1.0}


def test_a_value_that_cannot_be_told_is_refused():
    def lookup(x):
        return LOOKED_UP["a"] * x

    with pytest.raises(TypeError, match=r"lookup reads a dict by name: .* hand it over"):
        compiled_from(lookup)


def test_other_functions_keep_the_locators_of_numba():
    @kept()
    def ours(x):
        return x

    @njit(cache=True)
    def theirs(x):
        return x

    assert isinstance(ours._cache._impl.locator, KeptLocator)
    assert type(theirs._cache._impl.locator) in CacheImpl._locator_classes


def test_all_that_is_kept_of_the_project_goes_by_what_it_is_made_of():
    root = Path(pipeline.__file__).parent
    found = []
    for file in sorted(root.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if "cache" not in text or "numba" not in text or file.name == "kept.py":
            continue
        found += [
            f"{file.relative_to(root)}:{node.lineno}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.keyword | ast.Constant)
            and "cache" in (getattr(node, "arg", ""), getattr(node, "value", ""))
        ]
    assert found == []
