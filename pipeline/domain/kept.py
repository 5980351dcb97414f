"""Compiled functions that are kept on disk for as long as nothing changes that they are made of.

numba keeps a function's machine code until the function's own file changes; what the function calls in other
files and the constants that it reads there are part of the code, and their edits are not seen. What `kept`
decorates is therefore known by `compiled_from`. Nothing else is: other functions have numba's own locators.
"""

import functools
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakSet

from numba import config, njit, typeof
from numba.core.caching import CacheImpl, _CacheLocator

from pipeline.domain.compiled_from import compiled_from

_WAITING: Final[WeakSet[Any]] = WeakSet()
"""Functions that numba has not yet asked a locator for."""


def kept(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a function at its first call and keeps the code on disk.

    It is `numba.njit(cache=True, …)` whose cache sees the edits of callees and constants in other files, too.
    What is called may be defined after the function: it is looked up when the code is first asked for.

    Parameters
    ----------
    **options : of `numba.njit`.

    Raises
    ------
    RuntimeError
        numba keeps the code by another rule, for it does not know `CACHE_LOCATOR_CLASSES`.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        _introduce()
        _WAITING.add(function)
        compiled = njit(cache=True, **options)(function)
        if function in _WAITING and not config.DISABLE_JIT:
            raise RuntimeError(
                f"{function.__qualname__}: this numba has no CACHE_LOCATOR_CLASSES: install 0.68 or later"
            )
        return compiled

    return decorate


def at_once(compiled: Any, *given: Any) -> Callable[..., Any]:
    """Return the machine code of a compiled function for what is `given`, which is called once with it.

    It does not look at the types of its arguments again, which takes most of a short call: they have to be
    those of `given`. An array of any layout stands for those of every layout.

    Examples
    --------
    >>> twice = at_once(njit(lambda number: 2.0 * number), 1.0)
    >>> twice(3.0)
    6.0
    """
    compiled(*given)
    if not config.DISABLE_JIT:
        compiled = compiled.overloads[tuple(map(typeof, given))].entry_point
    found: Callable[..., Any] = compiled
    return found


def _introduce() -> None:
    """Let numba ask `KeptLocator` first; it forgets when a variable of its environment has changed."""
    own, known = f"{__name__}.{KeptLocator.__name__}", config.CACHE_LOCATOR_CLASSES
    if not known.startswith(own):
        theirs = known or ",".join(each.__name__ for each in CacheImpl._locator_classes)
        config.CACHE_LOCATOR_CLASSES = f"{own},{theirs}"


class KeptLocator(_CacheLocator):  # type: ignore[misc]
    """Where numba's own locator would keep a function's code, under the stamp of what it is made of."""

    def __init__(self, function: Any, theirs: Any) -> None:
        self._function, self._theirs = function, theirs
        self._py_file = theirs._py_file  # numba names it in its warnings

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "KeptLocator | None":
        """Return the locator of a function that is to be kept, None for others."""
        if py_func not in _WAITING:
            return None
        _WAITING.discard(py_func)
        found = (each.from_function(py_func, py_file) for each in CacheImpl._locator_classes)
        theirs = next((each for each in found if each is not None), None)
        return None if theirs is None else cls(py_func, theirs)

    def get_cache_path(self) -> str:
        """Return the folder."""
        return str(self._theirs.get_cache_path())

    def get_disambiguator(self) -> str:
        """Return what tells functions of one name and file apart."""
        return str(self._theirs.get_disambiguator())

    def get_source_stamp(self) -> "Stamp":
        """Return the stamp, which is looked for when the kept code is: callees may come later in the file."""
        return Stamp(self._function)


class Stamp:
    """What `compiled_from` says of a function when it is first compared or written down; then its bytes."""

    def __init__(self, function: Any) -> None:
        self._function = function

    @functools.cached_property
    def told(self) -> bytes:
        """The hash."""
        return compiled_from(self._function)

    def __eq__(self, other: object) -> bool:
        """Return whether another stamp, or the bytes of one that was kept, say the same."""
        return self.told == (other.told if isinstance(other, Stamp) else other)

    def __hash__(self) -> int:
        """Return the hash of the bytes."""
        return hash(self.told)

    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        """Be written down as bytes."""
        return bytes, (self.told,)
