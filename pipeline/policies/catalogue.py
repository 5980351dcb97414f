"""Every hedger by name, and the ones that a desk compares."""

from typing import Any

from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import AnyDesk, hedged
from pipeline.domain.errors import SettingsError
from pipeline.domain.naming import hint
from pipeline.policies.agent_band import PpoBand, SacBand
from pipeline.policies.base import Policy
from pipeline.policies.constant_shift import ConstantShift
from pipeline.policies.delta import DeltaForecast, DeltaImplied
from pipeline.policies.fixed_band import FixedBand
from pipeline.policies.history_slope import HistorySlope
from pipeline.policies.leland import Leland
from pipeline.policies.limit_aware import LimitAware
from pipeline.policies.minimum_variance import MinimumVariance
from pipeline.policies.network_band import NetworkBand
from pipeline.policies.network_position import NetworkPosition, RecurrentPosition
from pipeline.policies.network_slope import NetworkSlope
from pipeline.policies.no_hedge import NoHedge
from pipeline.policies.optimal_band import OptimalBand
from pipeline.policies.recurrent_band import RecurrentBand
from pipeline.policies.regime_map import RegimeMap, Rule
from pipeline.policies.regime_optimal_band import RegimeOptimalBand, RegimeOptimalBandNoRegimes
from pipeline.policies.regime_switched import ABLATIONS, RegimeSwitched
from pipeline.policies.saved_network import LEARNED, check_names, saved_network, terms_digest
from pipeline.policies.whalley_wilmott import WhalleyWilmott
from pipeline.policies.zakamouline import Zakamouline

BENCHMARK = DeltaImplied.name
FLAGSHIP = RegimeSwitched.name
POLICIES: dict[str, Any] = {
    policy.name: policy
    for policy in (
        NoHedge, DeltaImplied, DeltaForecast, FixedBand, Leland, WhalleyWilmott, Zakamouline, LimitAware,
        ConstantShift, MinimumVariance, HistorySlope, RegimeMap, RegimeSwitched, *ABLATIONS,
        OptimalBand, RegimeOptimalBand, RegimeOptimalBandNoRegimes, NetworkBand, RecurrentBand,
        NetworkPosition, RecurrentPosition, NetworkSlope, PpoBand, SacBand,
    )
}  # fmt: skip


def desk_policies(settings: AnyDesk) -> dict[str, Policy]:
    """Return a desk's unfitted hedgers: the benchmark, those it lists and the ablations of these.

    Of a trained network that is what it is when untrained, where that is a policy.

    Raises
    ------
    SettingsError
        A policy in the desk file does not exist, or one that learns nothing is given a network; the message
        names the nearest one that does.

    Examples
    --------
    >>> list(desk_policies(Desk(name="x", policies={"run": ["regime_switched"]})))[-1]
    'regime_switched_no_bands'
    """
    desk, terms = hedged(settings), terms_digest(settings)
    check_names(desk)
    names = dict.fromkeys((BENCHMARK, *desk.policies.run))
    if FLAGSHIP in names:
        names |= dict.fromkeys(ablation.name for ablation in ABLATIONS)
    learned = [LEARNED[name] for name in names if name in LEARNED]
    names |= {kind.untrained: None for kind in learned if kind.untrained}
    if RegimeOptimalBand.name in names:
        names |= {RegimeOptimalBandNoRegimes.name: None}
    return {name: _build(name, desk, "policies.run", terms) for name in names}


def _build(name: str, desk: Desk, key: str, terms: str = "") -> Policy:
    if name not in POLICIES:
        raise SettingsError(f"{key} names the unknown policy {name}; {hint(name, POLICIES)}")
    if name in LEARNED:
        return saved_network(desk, name, terms)
    if name != RegimeMap.name:
        return POLICIES[name]()  # type: ignore[no-any-return]
    if key != "policies.run":
        raise SettingsError(f"{key} cannot be regime_map itself")
    rules = ((f"regimes.map.{regime}", desk.regimes.map[regime]) for regime in desk.regimes.names)
    return RegimeMap(tuple(Rule(_build(rule.policy, desk, own, terms), rule.every) for own, rule in rules))
