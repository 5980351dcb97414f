"""Which hedger a desk goes live with: the flagship, or a network that learned on the desk's days."""

from pipeline.domain.desk_file import INTRADAY, AnyDesk
from pipeline.domain.errors import SettingsError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.naming import hint
from pipeline.policies.base import reads_path
from pipeline.policies.catalogue import POLICIES
from pipeline.policies.learns import LEARNS
from pipeline.policies.regime_switched import RegimeSwitched
from pipeline.policies.saved_network import LEARNED, newest_of

FORMS = {RegimeSwitched.name, *LEARNS[INTRADAY]}
"""Policies that can be asked at one decision of a desk that has one position."""


def check_live(desk: IntradayDesk) -> None:
    """Refuse a `policies.live` that cannot go live.

    Raises
    ------
    SettingsError
        Naming what can.
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


def live_of(desk: AnyDesk) -> str:
    """Return the policy that gives a desk's band: `policies.live`, without such a setting the flagship.

    Examples
    --------
    >>> from pipeline.domain.desk import load_desk
    >>> live_of(load_desk("spx-daily"))
    'regime_switched'
    """
    return desk.policies.live if isinstance(desk, IntradayDesk) else RegimeSwitched.name


def followed(desk: AnyDesk) -> str:
    """Return the policy whose champion in the registry gives the band; the flagship where a file does.

    Examples
    --------
    >>> from pipeline.domain.intraday_desk import IntradayPolicies
    >>> policies = IntradayPolicies(live="network_band", run=["network_band"])
    >>> followed(IntradayDesk.model_construct(policies=policies))
    'network_band'
    >>> named = policies.model_copy(update={"networks": {"network_band": "a.npz"}})
    >>> followed(IntradayDesk.model_construct(policies=named))
    'regime_switched'
    """
    live = live_of(desk)
    return RegimeSwitched.name if live in desk.policies.networks else live


def named_live(desk: AnyDesk, models: str, hedger: str = RegimeSwitched.name) -> str:
    """Return the line of some models as audit and evidence name it: with the network's file, if one is named.

    `hedger` is the policy of theirs that gives the band; one that learned is in the line, and no file.

    Examples
    --------
    >>> from pipeline.domain.intraday_desk import IntradayPolicies
    >>> named = IntradayPolicies(live="network_band", networks={"network_band": "a.npz"})
    >>> named_live(IntradayDesk.model_construct(policies=named), "x.regime_detector 3")
    'x.regime_detector 3, a.npz'
    """
    file = desk.policies.networks.get(live_of(desk))
    return f"{models}, {newest_of(file)}" if file and hedger not in LEARNED else models
