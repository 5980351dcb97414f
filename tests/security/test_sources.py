"""No module loads what could run code, or puts values into SQL: read in the sources, which all are found."""

import ast
import re

import pytest

from tests.processes import PROJECT

SOURCES = sorted(path for room in ("pipeline", "flows") for path in (PROJECT / room).rglob("*.py"))
RUN_CODE = frozenset({"pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "skops"})
"""Modules whose files may run code; of skops the list of trusted types would have to be looked at here."""
UNPICKLE = frozenset(
    {"read_pickle", "to_pickle", "load_model", "unsafe_load", "full_load", "load_replay_buffer"}
)
"""Calls, of whatever: of pandas, MLflow, YAML and stable-baselines3."""
LOADS = {("torch", "load"), ("torch", "save"), ("yaml", "load"), ("PPO", "load"), ("SAC", "load")}
ARRAYS = frozenset({"load", "savez", "savez_compressed"})
SQL = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "DROP ", "CREATE ", "ALTER ", "PRAGMA ")
WORTH_PARSING = re.compile("|".join((*RUN_CODE, *UNPICKLE, r"\bload\(", "savez", "allow_pickle", *SQL)))
PUT_TOGETHER = {
    "pipeline/live/journal_database.py": "PRAGMA synchronous of FULL or NORMAL",
    "pipeline/live/journal_schema.py": "names of the journal's own tables: triggers take no parameters",
}
"""Where SQL is put together, and of what."""


def faults(source):
    """Yield the line and what is not allowed in it."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                modules = [each.name for each in node.names]
            case ast.ImportFrom():
                modules = [node.module or ""]
            case _:
                modules = []
        yield from ((node.lineno, f"imports {each}") for each in modules if each.split(".")[0] in RUN_CODE)
        if isinstance(node, ast.Call):
            yield from ((node.lineno, what) for what in _called(node))
        if _is_sql(node):
            yield node.lineno, "puts SQL together"


def _called(node):
    whole = isinstance(node.func, ast.Attribute)
    name = node.func.attr if whole else getattr(node.func, "id", "")
    of = getattr(node.func.value, "id", "") if whole else ""
    told = {each.arg: getattr(each.value, "value", None) for each in node.keywords}
    if name in UNPICKLE or (of, name) in LOADS:
        yield f"calls {name}"
    if (of == "np" and name in ARRAYS and "allow_pickle" not in told) or told.get("allow_pickle", False):
        yield f"calls {name} without allow_pickle=False"


def _is_sql(node):
    match node:
        case ast.JoinedStr(values=[ast.Constant(value=str(first)), _, *_]):
            return first.lstrip().startswith(SQL)
        case ast.BinOp(left=ast.Constant(value=str(first)), op=ast.Add() | ast.Mod(), right=right):
            return first.lstrip().startswith(SQL) and not isinstance(right, ast.Constant)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(first)), attr="format")):
            return first.lstrip().startswith(SQL)
    return False


def test_sources_load_plain_data_and_give_sql_its_values_as_parameters():
    assert len(SOURCES) > 500
    texts = {str(path.relative_to(PROJECT)): path.read_text(encoding="utf-8") for path in SOURCES}
    found = [
        f"{name}:{line}: {what}"
        for name, text in texts.items()
        if WORTH_PARSING.search(text)
        for line, what in faults(text)
        if not (name in PUT_TOGETHER and "SQL" in what)
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import cloudpickle.fast",
        "model = torch.load(file)",
        "model = mlflow.pyfunc.load_model(uri)",
        "agent = PPO.load('agent.zip')",
        "told = yaml.load(text, Loader=None)",
        "arrays = np.load(file)",
        "arrays = numpy.load(file, allow_pickle=True)",
        "connection.execute(f'SELECT * FROM {table}')",
        "connection.execute('DELETE FROM a WHERE b = ' + name)",
        "connection.execute('SELECT %s' % name)",
        "connection.execute('SELECT {}'.format(name))",
    ],
)
def test_what_is_not_allowed_is_found(source):
    assert WORTH_PARSING.search(source)
    assert list(faults(source))
