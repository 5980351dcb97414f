"""Policies as plain values and back, exactly: what a fitted hedger is kept as."""

from dataclasses import fields, is_dataclass
from typing import Any

from pipeline.domain.errors import StoreError
from pipeline.policies.base import Policy
from pipeline.policies.catalogue import POLICIES
from pipeline.policies.network import Layer, Network
from pipeline.policies.recurrent_network import Gru, RecurrentNetwork
from pipeline.policies.regime_map import Rule

KINDS: dict[str, Any] = {
    kind.__name__: kind for kind in (*POLICIES.values(), Rule, RecurrentNetwork, Gru, Network, Layer)
}


def written(policy: Policy) -> dict[str, Any]:
    """Return a policy's parameters as what JSON knows.

    Examples
    --------
    >>> from pipeline.policies.fixed_band import FixedBand
    >>> written(FixedBand(0.1))
    {'kind': 'FixedBand', 'half_width': 0.1}
    """
    plain: dict[str, Any] = _plain(policy)
    return plain


def restored(plain: dict[str, Any]) -> Policy:
    """Rebuild a policy from `written`, equal to the first one.

    Raises
    ------
    StoreError
        It is of a kind that this version of the code does not have.

    Examples
    --------
    >>> restored({"kind": "FixedBand", "half_width": 0.1})
    FixedBand(half_width=0.1)
    """
    policy: Policy = _value(plain)
    return policy


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        own = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, **own}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _value(plain: Any) -> Any:
    if isinstance(plain, dict):
        if plain.get("kind") not in KINDS:
            raise StoreError(f"saved policy {plain.get('kind')}: no such policy: fit it again")
        return KINDS[plain["kind"]](**{key: _value(each) for key, each in plain.items() if key != "kind"})
    return tuple(_value(each) for each in plain) if isinstance(plain, list) else plain
