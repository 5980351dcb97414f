"""Which hedgers learn for each kind of desk, and from what: simulated markets, or what it has stored."""

from collections.abc import Mapping
from typing import Final

from pipeline.domain.desk_file import CHAIN, CONTRACT, DAILY, INTRADAY, AnyDesk, kind_of
from pipeline.domain.errors import SettingsError
from pipeline.domain.naming import hint
from pipeline.policies.agent_band import PpoBand, SacBand
from pipeline.policies.network_band import NetworkBand
from pipeline.policies.network_position import NetworkPosition, RecurrentPosition
from pipeline.policies.network_slope import NetworkSlope
from pipeline.policies.recurrent_band import RecurrentBand

SIMULATED: Final = "simulated markets"
STORED: Final = "stored days"
BANDS: Final = (NetworkBand.name, PpoBand.name, SacBand.name)
"""Those that correct one and the same band, by what is seen at a decision."""
LEARNS: Final[Mapping[str, Mapping[str, str]]] = {
    DAILY: dict.fromkeys(
        (*BANDS, RecurrentBand.name, NetworkPosition.name, RecurrentPosition.name), SIMULATED
    ),
    INTRADAY: dict.fromkeys(BANDS, STORED),
    CHAIN: {**dict.fromkeys(BANDS, SIMULATED), NetworkSlope.name: STORED},
    CONTRACT: dict.fromkeys(BANDS, SIMULATED),
}
"""By the name of the kind, see `domain.desk_file`: what each policy learns from."""


def learns_from(desk: AnyDesk, policy: str) -> str:
    """Return what a policy learns from for a desk.

    Raises
    ------
    SettingsError
        It learns nothing for a desk of this kind; the message names what does.

    Examples
    --------
    >>> from pipeline.domain.desk_file import load_any
    >>> learns_from(load_any("spx-daily"), "network_band")
    'simulated markets'
    """
    kind = kind_of(desk)
    if policy not in LEARNS[kind]:
        elsewhere = any(policy in learns for learns in LEARNS.values())
        those = f"valid: {', '.join(LEARNS[kind])}" if elsewhere else hint(policy, LEARNS[kind])
        raise SettingsError(f"{policy} does not learn for a desk of kind {kind}; {those}")
    return LEARNS[kind][policy]


def check_learns(desk: AnyDesk) -> None:
    """Refuse policies of `policies.train` that do not learn for the desk, and plans that mean nothing.

    Raises
    ------
    SettingsError
        Naming one that does, or what to leave out.
    """
    for policy, plan in desk.policies.train.items():
        try:
            stored = learns_from(desk, policy) == STORED
        except SettingsError as why:
            raise SettingsError(f"policies.train: {why}") from None
        if stored and plan.refit_steps is not None:
            raise SettingsError(
                f"policies.train.{policy}.refit_steps: on stored days every training begins anew: set steps"
            )
        if stored and plan.device == "cuda":
            raise SettingsError(
                f"policies.train.{policy}.device is cuda: on stored days a GPU has no work, leave it out"
            )
