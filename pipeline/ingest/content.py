"""The identity of values in memory: a hash of what they hold."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from pydantic import BaseModel


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


@dataclass(frozen=True)
class Known:
    """A value whose hash was computed before, for what many pieces of work are given."""

    value: Any
    digest: str


def content_digest(value: Any) -> str:
    """Return the SHA-256 of a value's content in hexadecimal digits.

    Values are equal in content where types, shapes, labels and every bit of every number are.

    Parameters
    ----------
    value : a table or series (numbers, truth values, times, text), an array of them, a dataclass, a settings
        model, a mapping, a sequence, a number, text, bytes or None; of a `Known` one its own digest.

    Raises
    ------
    TypeError
        There is something else in it, whose content is not known.

    Examples
    --------
    >>> table = pd.DataFrame({"x": [1.0, float("nan")]})
    >>> content_digest(table) == content_digest(table.copy())
    True
    >>> content_digest(table) == content_digest(table.astype("float32"))
    False
    """
    digest = hashlib.sha256()
    _feed(digest, value)
    return digest.hexdigest()


def _feed(digest: _Hash, value: Any) -> None:
    if isinstance(value, Known):
        _label(digest, "known", value.digest)
    elif isinstance(value, pd.DataFrame):
        _label(digest, "table", *map(str, value.columns))
        _feed_array(digest, _as_array(value.index))
        for name in value:
            _feed_array(digest, _as_array(value[name]))
    elif isinstance(value, pd.Series | pd.Index):
        _label(digest, "series")
        _feed_array(digest, _as_array(value))
    elif isinstance(value, np.ndarray):
        _feed_array(digest, value)
    elif isinstance(value, BaseModel):
        _label(digest, "settings", type(value).__name__, value.model_dump_json())
    elif is_dataclass(value) and not isinstance(value, type):
        _label(digest, "dataclass", type(value).__module__, type(value).__qualname__)
        for field in fields(value):
            _label(digest, field.name)
            _feed(digest, getattr(value, field.name))
    elif isinstance(value, Mapping):
        _label(digest, "mapping", str(len(value)))
        for key in sorted(value):
            _label(digest, str(key))
            _feed(digest, value[key])
    elif isinstance(value, list | tuple):
        _label(digest, "sequence", str(len(value)))
        for each in value:
            _feed(digest, each)
    elif value is None or isinstance(value, str | bytes | bool | int | float | np.generic):
        _label(digest, type(value).__name__, repr(value))
    else:
        raise TypeError(f"the content of a {type(value).__name__} has no digest")


def _label(digest: _Hash, *texts: str) -> None:
    for text in texts:
        content = text.encode()
        digest.update(f"{len(content)}:".encode() + content)


def _as_array(column: "pd.Series[Any] | pd.Index[Any]") -> np.ndarray:
    """Return a column as an array of plain values; times with a zone in UTC."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        times = pd.DatetimeIndex(column)
        return np.asarray(times.tz_convert("UTC").tz_localize(None))
    if isinstance(column.dtype, np.dtype) and column.dtype != np.dtype(object):
        return np.asarray(column)
    return np.asarray(
        ["\0" if missing else str(each) for each, missing in zip(column, column.isna(), strict=True)]
    )


def _feed_array(digest: _Hash, array: np.ndarray) -> None:
    if array.dtype.hasobject:
        raise TypeError("the content of an array of objects has no digest")
    _label(digest, "array", array.dtype.str, *map(str, array.shape))
    digest.update(np.ascontiguousarray(array).tobytes())
