"""Which hedger a desk goes live with: the flagship, or a network that learned on the desk's days."""

import pandas as pd

from pipeline.domain.desk_file import INTRADAY
from pipeline.domain.errors import SettingsError
from pipeline.domain.home import Home
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.naming import hint
from pipeline.policies.base import Policy, reads_path
from pipeline.policies.catalogue import POLICIES
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.learns import LEARNS
from pipeline.policies.regime_switched import RegimeSwitched
from pipeline.policies.saved_network import LEARNED, networks, newest_of, saved_network, terms_digest

FORMS = {RegimeSwitched.name, *LEARNS[INTRADAY]}
"""Policies that can be asked at one decision of a desk that has one position."""


def check_live(desk: IntradayDesk) -> None:
    """Refuse a `policies.live` that cannot go live.

    Raises
    ------
    SettingsError
        Naming what can, or the file that is not named.
    """
    live = desk.policies.live
    if live in LEARNED and reads_path(LEARNED[live]):
        raise SettingsError(
            f"policies.live = {live!r}: it reads its path since the deal, a live desk looks at one decision"
        )
    if getattr(POLICIES.get(live), "reads_position", False) is True:
        raise SettingsError(
            f"policies.live = {live!r}: its band follows the desk's own inventory, P&L and room under "
            "[limits], which a live decision is not told; live, [overlay] limits both: take one of "
            f"{', '.join(sorted(FORMS))}"
        )
    if live not in FORMS:
        raise SettingsError(f"policies.live = {live!r}: it does not go live; {hint(live, FORMS)}")
    if live in LEARNED and live not in desk.policies.networks:
        raise SettingsError(
            f"policies.live = {live!r}: policies.networks names no file of it: hedge train --policy {live} "
            "prints one"
        )


def named_live(desk: IntradayDesk, models: str) -> str:
    """Return the line of some models as audit and evidence name it: with the network that goes live, if any.

    Examples
    --------
    >>> from pipeline.domain.intraday_desk import IntradayPolicies
    >>> named = IntradayPolicies(live="network_band", networks={"network_band": "a.npz"})
    >>> named_live(IntradayDesk.model_construct(policies=named), "x.regime_detector 3")
    'x.regime_detector 3, a.npz'
    """
    live = desk.policies.live
    return f"{models}, {newest_of(desk.policies.networks[live])}" if live in LEARNED else models


def policy_live(desk: IntradayDesk, flagship: Policy) -> Policy:
    """Return the hedger of `policies.live`.

    Raises
    ------
    SettingsError
        As `check_live`.
    StoreError
        As `saved_network.saved_network`.
    """
    check_live(desk)
    live = desk.policies.live
    return (
        flagship if live == RegimeSwitched.name else saved_network(desk.in_steps(), live, terms_digest(desk))
    )


def seen_live(desk: IntradayDesk) -> pd.Timestamp | None:
    """Return the last decision that the network of `policies.live` learned from; None if it has none."""
    live = desk.policies.live
    if live not in LEARNED:
        return None
    return Checkpoint.read(networks(Home.find()) / newest_of(desk.policies.networks[live])).seen_until
