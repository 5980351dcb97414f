"""The version of a function's code: a hash of its module and of everything that the module imports."""

import ast
import functools
import hashlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

HEX_DIGITS = 16
_COMPILED = {".py", ".pyc"}


def code_version(function: Callable[..., Any]) -> str:
    """Return a hash of the code that `function` depends on, in 16 hexadecimal digits.

    The hash covers the source of the function's module and, transitively, of every module of the same
    top-level package that it imports anywhere in its text, with the `__init__` modules on the way and the
    files that lie beside them (templates); of other packages it covers the installed version. Sources are
    read from disk, so an installed wheel has a code version as a checkout does. Imports by a computed name
    (`importlib.import_module`) are not seen.

    Raises
    ------
    ValueError
        The function is a closure, a method or a lambda, which may hide values, or it lies in no package.

    Examples
    --------
    >>> len(code_version(code_version))
    16
    >>> code_version(lambda: 1)
    Traceback (most recent call last):
    ...
    ValueError: <lambda> is not a plain function of a module, so its code has no version
    """
    digest = hashlib.sha256()
    for part, version in code_parts(function).items():
        digest.update(f"{part}\0{version}\0".encode())
    return digest.hexdigest()[:HEX_DIGITS]


def code_parts(function: Callable[..., Any]) -> dict[str, str]:
    """Return what `code_version` covers: a hash by source file, and a version by package; errors as there.

    Examples
    --------
    >>> sorted(code_parts(code_version))
    ['pipeline/__init__.py', 'pipeline/ingest/__init__.py', 'pipeline/ingest/code_version.py']
    """
    name = getattr(function, "__qualname__", repr(function))
    if not inspect.isfunction(function) or "." in name or name == "<lambda>":
        raise ValueError(f"{name} is not a plain function of a module, so its code has no version")
    module = function.__module__
    modules = _reachable(module)
    parts = {
        name: hashlib.sha256(file.read_bytes()).hexdigest()[:HEX_DIGITS]
        for name, file in _named(modules, module).items()
    }
    return parts | _versions(set[str]().union(*modules.values()), module)


def code_files(module: str) -> dict[str, Path]:
    """Return the files of the project that a module needs, by their names from its package on.

    Examples
    --------
    >>> list(code_files("pipeline.ingest.code_version"))
    ['pipeline/__init__.py', 'pipeline/ingest/__init__.py', 'pipeline/ingest/code_version.py']
    """
    return _named(_reachable(module), module)


def _named(modules: Collection[Path], start: str) -> dict[str, Path]:
    """Return modules, and the files that lie beside them, by their names from the package of `start` on."""
    folder = _package_folder(start)
    beside = {file for place in {path.parent for path in modules} for file in _resources(place)}
    files = sorted({*modules, *beside})
    return {f"{_root(start)}/{file.relative_to(folder).as_posix()}": file for file in files}


def _package_folder(module: str) -> Path:
    locations = list(getattr(sys.modules.get(_root(module)), "__path__", []))
    if not locations:
        raise ValueError(f"module {module} lies in no package with source on disk, so it has no code version")
    return Path(locations[0])


def _reachable(start: str) -> dict[Path, frozenset[str]]:
    """Return the files of all modules of the package that `start` needs, each with what it imports."""
    found: dict[Path, frozenset[str]] = {}
    there = _modules(_package_folder(start))
    waiting, seen = [start], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting.extend(_parents(name))
        path = there.get(name.partition(".")[2])
        if path is not None:
            found[path] = _imports(path, path.stat().st_mtime_ns, name)
            waiting.extend(inside for inside in found[path] if _root(inside) == _root(start))
    return found


def _modules(folder: Path) -> dict[str, Path]:
    """Return the file of every module below a package's folder, by its name inside the package."""
    found: dict[str, Path] = {}
    for place, _, files in os.walk(folder):
        inside = Path(place).relative_to(folder).parts
        for file in files:
            if file == "__init__.py":
                found[".".join(inside)] = Path(place, file)
            elif file.endswith(".py"):
                found.setdefault(".".join([*inside, file.removesuffix(".py")]), Path(place, file))
    return found


def _resources(folder: Path) -> Iterator[Path]:
    for file in folder.iterdir():
        if file.is_file() and file.suffix not in _COMPILED and not file.name.startswith("."):
            yield file


@functools.lru_cache(maxsize=1024)
def _imports(path: Path, modified: int, name: str) -> frozenset[str]:
    """Return every dotted name that a module may import; `modified` renews the answer after an edit."""
    base = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = base[: len(base) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            found.update([origin, *(f"{origin}.{alias.name}" for alias in node.names)])
    return frozenset(found)


def _versions(imported: set[str], start: str) -> dict[str, str]:
    """Return the installed version of the other packages among the imported names."""
    tops = {_root(name) for name in imported} - {_root(start)} - sys.stdlib_module_names
    distributions = {name for top in tops for name in _distributions().get(top, [])}
    return {name: metadata.version(name) for name in sorted(distributions)}


@functools.cache
def _distributions() -> dict[str, set[str]]:
    """Return the names of the installed distributions by the top-level names that they bring.

    As `importlib.metadata.packages_distributions`, which takes a second: it makes an object of every file.
    """
    found: dict[str, set[str]] = {}
    for each in metadata.distributions():
        for top in _tops(each):
            found.setdefault(top, set()).add(each.name)
    return found


def _tops(distribution: metadata.Distribution) -> set[str]:
    declared = (distribution.read_text("top_level.txt") or "").split()
    lines = (distribution.read_text("RECORD") or "").splitlines()
    return set(declared) or {re.split("[/,]", line, maxsplit=1)[0].removesuffix(".py") for line in lines}


def _root(name: str) -> str:
    return name.partition(".")[0]


def _parents(name: str) -> list[str]:
    """Return the packages that enclose a module, outermost first."""
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts))]
