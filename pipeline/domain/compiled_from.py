"""What compiled code is made of: a function, all functions that it calls, and the constants it freezes."""

import dis
import functools
import hashlib
import types
from collections.abc import Iterator
from typing import Any, Final

import numba
import numpy as np
from numba.core.dispatcher import Dispatcher

PLAIN: Final = (bool, int, float, complex, str, bytes, range, types.NoneType, types.EllipsisType, np.dtype)
"""Kinds of constants whose `repr` says all of them."""


def compiled_from(function: Any) -> bytes:
    """Return a hash, 32 bytes, of all that numba makes a function's machine code of.

    It covers the code of the function and the values of the names that it reads, those of enclosing functions
    too: of what is compiled or lies in the function's own package the code, with the options that it is
    compiled by, and so on; of constants the value; of another package's things the name alone. All is taken
    from memory, as numba does: a file that has been edited since it was imported changes nothing. Comments
    and annotations are not part of it.

    Raises
    ------
    TypeError
        A name stands for something whose value cannot be told, a dictionary say.

    Examples
    --------
    >>> RATE = 2.0
    >>> def doubled(x):
    ...     return RATE * x
    >>> before = compiled_from(doubled)
    >>> RATE = 3.0
    >>> before == compiled_from(doubled)
    False
    """
    told = _Told(_root(function.__module__))
    told.function(function)
    return told.hash.digest()


class _Told:
    """A hash, of what it was told one after another; what has been told before is a number."""

    def __init__(self, package: str) -> None:
        self.hash = hashlib.sha256()
        self._package = package
        self._seen: dict[int, int] = {}

    def function(self, function: Any) -> None:
        """Tell of a function: code, defaults, and what stands behind the names."""
        if id(function) in self._seen:
            return self._say("seen", self._seen[id(function)])
        self._seen[id(function)] = len(self._seen)
        self._code(function.__code__)
        given = [function.__defaults__, *(function.__kwdefaults__ or {}).items()]
        for value in (*given, *(cell.cell_contents for cell in function.__closure__ or ())):
            self._value(value, function)
        for name, value in _read(function):
            self._say("name", name)
            self._value(value, function)
        return None

    def _value(self, value: Any, reader: Any) -> None:
        if isinstance(value, Dispatcher):
            self._say("compiled", sorted(map(str, value.targetoptions.items())))
            self.function(value.py_func)
        elif self._own(value) and hasattr(value, "__wrapped__"):
            self._value(value.__wrapped__, reader)
        elif isinstance(value, types.FunctionType) and self._own(value):
            self.function(value)
        elif isinstance(value, types.ModuleType):
            self._module(value, reader)
        elif isinstance(value, type):
            self._say("class", value.__module__, value.__qualname__)
            self._value(getattr(value, "_fields", None), reader)
            for each in getattr(value, "__members__", {}).values():
                self._say("member", repr(each))
        else:
            self._constant(value, reader)

    def _module(self, module: types.ModuleType, reader: Any) -> None:
        self._say("module", module.__name__)
        if _root(module.__name__) == self._package:
            for name in sorted(_words(reader.__code__) & vars(module).keys()):
                self._say("name", name)
                self._value(getattr(module, name), reader)

    def _constant(self, value: Any, reader: Any) -> None:
        if isinstance(value, PLAIN):
            self._say(type(value).__name__, repr(value))
        elif isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
            self._say("array", value.dtype.str, value.shape, value.tobytes())
        elif isinstance(value, tuple | list):
            self._say(type(value).__name__, len(value))
            for each in value:
                self._value(each, reader)
        elif isinstance(value, frozenset):
            self._say("set", sorted(map(repr, value)))
        elif isinstance(value, types.CodeType):
            self._code(value)
        elif callable(value) or isinstance(value, numba.types.Type):
            self._say("other", getattr(value, "__module__", ""), getattr(value, "__name__", str(value)))
        else:
            raise TypeError(
                f"{reader.__module__}.{reader.__qualname__} reads a {type(value).__name__} by name: compiled "
                "code that is kept may read numbers, text, arrays and tuples of these only; hand it over"
            )

    def _code(self, code: types.CodeType) -> None:
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        self._say("code", code.co_code, getattr(code, "co_exceptiontable", b""), counts, names)
        for constant in code.co_consts:
            self._constant(constant, code)

    def _own(self, value: Any) -> bool:
        return _root(getattr(value, "__module__", None) or "") == self._package

    def _say(self, *words: object) -> None:
        self.hash.update(f"{words!r}\n".encode())


def _read(function: Any) -> Iterator[tuple[str, Any]]:
    """Yield the names that a function's code looks up in its module, with what they stand for."""
    for name in _looked_up(function.__code__):
        if name in function.__globals__:
            yield name, function.__globals__[name]


@functools.lru_cache(maxsize=4096)
def _looked_up(code: types.CodeType) -> tuple[str, ...]:
    names = {
        line.argval for line in dis.get_instructions(code) if line.opname in {"LOAD_GLOBAL", "LOAD_NAME"}
    }
    return tuple(sorted(names.union(*(_looked_up(inside) for inside in _inside(code)))))


def _words(code: types.CodeType) -> set[str]:
    """Return all names in a code that are not its own variables: attributes too."""
    return set(code.co_names).union(*(_words(inside) for inside in _inside(code)))


def _inside(code: types.CodeType) -> Iterator[types.CodeType]:
    return (each for each in code.co_consts if isinstance(each, types.CodeType))


def _root(module: str) -> str:
    return module.partition(".")[0]
