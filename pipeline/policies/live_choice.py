"""Which hedger a desk goes live with: one that its run fits, or a network that learned on the desk's days."""

from collections.abc import Mapping
from typing import Final

from pipeline.domain.desk_file import INTRADAY, AnyDesk
from pipeline.domain.errors import SettingsError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.naming import hint
from pipeline.policies.base import Policy, reads_path
from pipeline.policies.catalogue import FLAGSHIP, POLICIES, desk_policies
from pipeline.policies.history_slope import HistorySlope
from pipeline.policies.learns import LEARNS
from pipeline.policies.optimal_band import OptimalBand
from pipeline.policies.regime_map import RegimeMap
from pipeline.policies.regime_optimal_band import RegimeOptimalBand, RegimeOptimalBandNoRegimes
from pipeline.policies.regime_switched import RegimeSwitched
from pipeline.policies.saved_network import LEARNED, newest_of

UNFIT: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (OptimalBand.name, RegimeOptimalBand.name, RegimeOptimalBandNoRegimes.name),
        "a dynamic programme solves its band, which can take seconds at a decision",
    ),
    HistorySlope.name: "its slope is learned before a chain of options, which a desk within the day has not",
}
"""Policies that could be asked at one decision and do not go live, and why."""
FITTED: Final = frozenset(
    name
    for name, kind in POLICIES.items()
    if name not in {*LEARNED, *UNFIT} and getattr(kind, "reads_position", False) is not True
)
"""Policies that a run fits and that can be asked at one decision of a desk that has one position."""
FORMS: Final = FITTED | set(LEARNS[INTRADAY])
"""These, and those that learn on the desk's days."""


def check_live(desk: IntradayDesk) -> None:
    """Refuse a `policies.live` that cannot go live.

    Raises
    ------
    SettingsError
        Naming why, and what can.
    """
    live = desk.policies.live
    if live == FLAGSHIP:
        return  # without it a desk can be run all the same
    run = desk_policies(desk)
    asked = run.get(live, POLICIES.get(live))
    rules = asked.rules if isinstance(asked, RegimeMap) else ()
    parts = {live: asked} | {rule.policy.name: rule.policy for rule in rules}
    why = next(filter(None, (_why_not(*each) for each in parts.items())), "")
    if not why and live in FITTED and live not in run:
        why = "a run has to fit it: name it in policies.run too"
    if why:
        raise SettingsError(f"policies.live = {live!r}: {why}")


def _why_not(name: str, policy: Policy | type[Policy] | None) -> str:
    """Return why a policy, or a kind of them, cannot be asked at one live decision; "" if it can."""
    if name in LEARNED and reads_path(policy):
        return "it reads its path since the deal, a live desk looks at one decision"
    if getattr(policy, "reads_position", False) is True:
        return (
            "its band follows the desk's own inventory, P&L and room under [limits], which a live decision "
            f"is not told; live, [overlay] limits both: take one of {', '.join(sorted(FORMS))}"
        )
    return "" if name in FORMS else UNFIT.get(name, f"it does not go live; {hint(name, sorted(FORMS))}")


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
