"""Desk files of every kind."""

import json
from collections.abc import Mapping
from typing import Final

from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.desk import Desk, desk_keys, desk_text, validated
from pipeline.domain.errors import SettingsError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.naming import hint

AnyDesk = Desk | IntradayDesk | ChainDesk | ContractDesk
SimulatedDesk = Desk | ChainDesk | ContractDesk
"""Desks for which hedgers learn in simulated markets."""
StoringDesk = IntradayDesk | ChainDesk
"""Desks whose hedgers learn from what they have stored: days, or the quotes of options."""
DAILY: Final = "daily"
INTRADAY: Final = "intraday"
CHAIN: Final = "chain"
CONTRACT: Final = "contract"
KINDS: Final[Mapping[str, type[AnyDesk]]] = {
    DAILY: Desk,
    INTRADAY: IntradayDesk,
    CHAIN: ChainDesk,
    CONTRACT: ContractDesk,
}
"""Settings by the name that a desk file gives as `kind`; without one it is a daily desk."""


def load_any(desk: str) -> AnyDesk:
    """Read a desk of any kind: the name of a shipped one, or the path of the user's own file.

    Raises
    ------
    SettingsError
        As `desk.load_desk`; or there is no such kind.

    Examples
    --------
    >>> kind_of(load_any("spx-daily"))
    'daily'
    """
    text, file, folder = desk_text(desk)
    keys = desk_keys(text, file)
    kind = keys.pop("kind", DAILY)
    if kind not in KINDS:
        raise SettingsError(f"{file}: kind is {kind!r}: no such kind of desk; {hint(str(kind), KINDS)}")
    settings: AnyDesk = validated(KINDS[kind], keys, file)
    return settings if folder is None else settings.located(folder)


def kind_of(desk: AnyDesk) -> str:
    """Return the kind of a desk."""
    return next(name for name, model in KINDS.items() if isinstance(desk, model))


def desk_as_json(desk: AnyDesk) -> str:
    """Return a desk of any kind as JSON text that `desk_from_json` reads."""
    return json.dumps({"kind": kind_of(desk), **desk.model_dump(mode="json")}, indent=2)


def desk_from_json(content: bytes) -> AnyDesk:
    """Read a desk of any kind from `desk_as_json`.

    Raises
    ------
    ValueError, KeyError
        It is not what this version of the code wrote.

    Examples
    --------
    >>> desk = load_any("bac-intraday")
    >>> desk_from_json(desk_as_json(desk).encode()) == desk
    True
    """
    keys = json.loads(content)
    return KINDS[keys.pop("kind")].model_validate_json(json.dumps(keys))


def hedged(desk: AnyDesk) -> Desk:
    """Return a desk in the words of a daily one, for what hedges and judges on either grid."""
    return desk if isinstance(desk, Desk) else desk.in_steps()
