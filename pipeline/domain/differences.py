"""What two sets of settings or facts do not share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Difference:
    """One thing that two sides do not share; None where a side does not have it."""

    key: str
    first: str | None
    second: str | None


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return what differs between two mappings, nested ones by dotted key.

    Examples
    --------
    >>> differences({"costs": {"fee_bps": 0.2}, "seed": 7}, {"costs": {"fee_bps": 0.5}, "seed": 7})
    (Difference(key='costs.fee_bps', first='0.2', second='0.5'),)
    """
    one, other = dict(leaves(first)), dict(leaves(second))
    pairs = ((key, one.get(key), other.get(key)) for key in dict.fromkeys([*one, *other]))
    return tuple(Difference(key, _text(a), _text(b)) for key, a, b in pairs if a != b)


def leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that is not a mapping by its dotted key."""
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from leaves(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def _text(value: Any) -> str | None:
    return None if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
