import importlib
import sys
from types import ModuleType

import pytest

from pipeline.ingest.code_version import code_version

SOURCES = {
    "__init__.py": "",
    "stage.py": "from shop.inner import middle\nimport numpy\n\ndef build():\n    return middle.go()\n",
    "inner/__init__.py": "",
    "inner/middle.py": "def go():\n    from .deep import answer\n    return answer()\n",
    "inner/deep.py": "def answer():\n    return 1\n",
    "inner/template.j2": "hello",
    "unrelated/__init__.py": "",
    "unrelated/far.py": "def far():\n    return 1\n",
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A package `shop` on disk, imported, whose stage needs `inner.middle` and `inner.deep`."""
    for name, text in SOURCES.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    stage = importlib.import_module("shop.stage")
    yield tmp_path / "shop", stage
    for name in [name for name in sys.modules if name.split(".")[0] == "shop"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "edited",
    ["stage.py", "inner/middle.py", "inner/deep.py", "inner/__init__.py", "__init__.py", "inner/template.j2"],
)
def test_an_edit_of_anything_that_is_imported_changes_the_version(shop, edited):
    folder, stage = shop
    before = code_version(stage.build)
    (folder / edited).write_text(SOURCES[edited] + "\n# edited\n")
    assert code_version(stage.build) != before


@pytest.mark.parametrize("edited", ["unrelated/far.py", "unrelated/__init__.py"])
def test_an_edit_elsewhere_changes_nothing(shop, edited):
    folder, stage = shop
    before = code_version(stage.build)
    (folder / edited).write_text("def far():\n    return 2\n")
    assert code_version(stage.build) == before


def test_a_new_import_of_the_unrelated_module_counts(shop):
    folder, stage = shop
    (folder / "inner/deep.py").write_text("import shop.unrelated.far\n")
    before = code_version(stage.build)
    (folder / "unrelated/far.py").write_text("def far():\n    return 2\n")
    assert code_version(stage.build) != before


def test_the_folder_does_not_matter(shop, tmp_path):
    folder, stage = shop
    before = code_version(stage.build)
    moved = folder.rename(tmp_path / "elsewhere")
    sys.modules["shop"].__path__ = [str(moved)]
    assert code_version(stage.build) == before


def test_the_version_of_an_imported_package_counts(shop, monkeypatch):
    _, stage = shop
    before = code_version(stage.build)
    monkeypatch.setattr("pipeline.ingest.code_version.metadata.version", lambda name: "0.0.0")
    assert code_version(stage.build) != before


def test_circular_imports_end(shop):
    folder, stage = shop
    (folder / "inner/deep.py").write_text("import shop.stage\n")
    assert len(code_version(stage.build)) == 16


def test_functions_that_hide_values_are_refused():
    def inner():
        return None

    for hidden in (inner, lambda: None, str.upper):
        with pytest.raises(ValueError, match="not a plain function"):
            code_version(hidden)


def test_a_module_without_a_package_is_refused(monkeypatch):
    alone = ModuleType("alone")
    exec("def build(): ...", alone.__dict__)
    monkeypatch.setitem(sys.modules, "alone", alone)
    with pytest.raises(ValueError, match="no package"):
        code_version(alone.build)
