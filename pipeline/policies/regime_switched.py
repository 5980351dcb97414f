"""The flagship: a minimum-variance ratio and a cost-aware band, both switched by the filtered regime."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray, Liability, Right
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Training
from pipeline.policies.batched import batched
from pipeline.policies.certainty_equivalent import loading, target
from pipeline.policies.live_switched import live_switched
from pipeline.policies.minimum_variance import (
    NO_ADJUSTMENT,
    Coefficients,
    adjustment,
    named_coefficients,
    slope_coefficients,
)
from pipeline.policies.one_option import Answer
from pipeline.policies.remembering import remembered
from pipeline.policies.slope_share import PRIOR_ERROR, Estimate, learned_share
from pipeline.policies.trading_rule import charged, traded
from pipeline.policies.tuning import tune
from pipeline.policies.whalley_wilmott import half_width

SPACE: Mapping[str, Sequence[float]] = {
    "regime_weight": (0.0, 0.25, 0.5, 0.75, 1.0),
    "regime_premium": (1.0, 1.5, 2.0),
    "forecast_weight": (0.0, 0.25, 0.5, 0.75, 1.0),
    "doubt": (0.0, 0.15, 0.3, 0.6, 1.2),
    "doubt_tilt": (0.67, 1.0, 1.5, 2.25),
    "band_scale": (0.0, 0.0625, 0.125, 0.25, 0.5),
    "slope_tilt": (0.5, 1.0, 2.0),
    "aversion_tilt": (0.25, 1.0, 4.0),
    "gap_response": (-1.0, 0.0, 1.0),
    "spike_response": (-1.0, 0.0, 1.0),
}
REGIMES = frozenset({"regime_weight", "regime_premium", "doubt_tilt", "slope_tilt", "aversion_tilt"})
FORECASTS = frozenset({"forecast_weight", "gap_response", "spike_response"})
BANDS = frozenset({"band_scale", "aversion_tilt", "gap_response", "spike_response"})


@dataclass(frozen=True)
class RegimeSwitched:
    """Δ(σ) + share_k · minimum-variance adjustment, inside a Whalley–Wilmott band that knows the regime.

    - Variance expected: implied and forecast variance are blended by `forecast_weight`, and what comes of it
      by `regime_weight` with `regime_premium` times the filtered variance to go of the regimes: a bare
      expectation, which implied variance is not.
    - Variance counted with: an option sold is hedged at its certainty equivalent, (1 + loading) times what
      is expected (`certainty_equivalent`, of relative variance `doubt`), and times
      `doubt_tilt`^(k/(K−1) − 1/2) in regime k of K, blended by the filtered probabilities: doubt is not the
      same on all days. An option bought is hedged at the expected variance over the same factor.
    - Slope: of Hull and White's adjustment `slope_share` · `slope_tilt`^(k/(K−1) − 1/2) is added.
    - Band: `band_scale` × Whalley–Wilmott at the forecast cost. Regime k of K has the risk aversion
      γ · `aversion_tilt`^(k/(K−1) − 1/2), and the widths are blended by the filtered probabilities.
    - Events: the width is multiplied by 1 + gap_response·(p_gap − base) + spike_response·(p_spike − base),
      floored at zero: a positive response waits the event out, a negative one hedges ahead of it.

    The slope is regressed, and `slope_share` is a posterior mean: the share with the least variance on the
    training episodes, shrunk towards one half by the precision of both (`slope_share.learned_share`). A
    policy that starts without a slope keeps none. The rest is tuned on training episodes by the desk's own
    risk measure, costs included, from a prior found on days before 2004 (docs/research.md): half implied and
    half forecast variance, a doubt of .3 and an eighth of Whalley and Wilmott's width. The prior knows no
    regimes: they earn their place on the desk's own training episodes.
    """

    name: ClassVar[str] = "regime_switched"
    without: ClassVar[frozenset[str]] = frozenset()
    call: Coefficients = NO_ADJUSTMENT
    put: Coefficients = NO_ADJUSTMENT
    regime_weight: float = 0.0
    regime_premium: float = 1.5
    forecast_weight: float = 0.5
    doubt: float = 0.3
    doubt_tilt: float = 1.0
    slope_share: float = 0.5
    band_scale: float = 0.125
    slope_tilt: float = 1.0
    aversion_tilt: float = 1.0
    gap_response: float = 0.0
    spike_response: float = 0.0

    def fit(self, training: Training) -> Self:
        """Return the policy with slope and share regressed and its other parameters tuned on the episodes."""
        learned: dict[str, Any] = {
            leg.right: slope_coefficients(training.state, leg.right) for leg in training.state.liability.legs
        }
        sloped = replace(self, **learned)
        space = {name: grid for name, grid in SPACE.items() if name not in self.without}
        return tune(replace(sloped, slope_share=sloped._learned_share(training.state)), space, training)

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the regime-switched band."""
        vol = self._volatility(state)
        share = self.slope_share * by_regime(state, self.slope_tilt)
        center = self._unadjusted(state, vol) + share * self._adjustment(state)
        gamma = exposure.curvature(state, vol)
        cost = charged(state, state.cost if self.sees_cost else state.desk_cost)
        band = traded(state, center, self._half_width(state, gamma, cost), cost, vol)
        return band.clipped(*exposure.position_range(state))

    def of_one_option(self, liability: Liability) -> Answer:
        """Return the band of one option with plain numbers; see `one_option`."""
        return live_switched(self, self.sees_cost, liability)

    @property
    def sees_cost(self) -> bool:
        """Whether the band sees the forecast of cost; else the desk's constant one."""
        return not self.without >= FORECASTS

    def acting(self) -> Hashable:
        """Return the parameters that act, and whether the band sees the forecast of cost; see `base.acting`.

        A premium on regimes of weight zero, the tilt or the events of a band without width: what multiplies
        nothing does nothing, and an ablation hedges as the flagship with the same parameters.
        """
        idle = set() if self.band_scale else BANDS - {"band_scale"}
        idle |= {"regime_premium"} if self.regime_weight == 0.0 else set()
        idle |= {"forecast_weight"} if self.regime_weight == 1.0 else set()
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in idle}
        return (RegimeSwitched, self.sees_cost, *own.items())

    def parameters(self) -> dict[str, float]:
        """Return every parameter by name."""
        learned = {name: float(getattr(self, name)) for name in (*SPACE, "slope_share")}
        return learned | named_coefficients({"call": self.call, "put": self.put})

    def _volatility(self, state: MarketState) -> FloatArray:
        regimes, forecast = self.regime_weight, self.forecast_weight
        return exposure.blended(
            state,
            self.name,
            {
                "implied_vol": (1.0 - regimes) * (1.0 - forecast),
                "forecast_vol": (1.0 - regimes) * forecast,
                "regime_vol": regimes * self.regime_premium,
            },
        )

    def _learned_share(self, state: MarketState) -> float:
        if not self.slope_share:
            return 0.0
        position = self._unadjusted(state, self._volatility(state))
        prior = Estimate(self.slope_share, PRIOR_ERROR)
        return learned_share(state, position, self._adjustment(state), prior)

    def _adjustment(self, state: MarketState) -> FloatArray:
        """Return what the whole minimum-variance adjustment adds, [N, T]."""
        slopes: dict[Right, Coefficients] = {"call": self.call, "put": self.put}
        return adjustment(state, slopes)

    def _unadjusted(self, state: MarketState, vol: FloatArray) -> FloatArray:
        """Return the position without adjustment of the slope, [N, T]."""

        def position() -> FloatArray:
            loaded = loading(state, vol, self.doubt) if self.doubt else 0.0
            return target(state, vol, (1.0 + loaded) * by_regime(state, self.doubt_tilt))

        aversion = state.risk_aversion if self.doubt else None
        return remembered(state, ("unadjusted", aversion, self.doubt, self.doubt_tilt), (vol,), position)

    def _half_width(
        self, state: MarketState, gamma: FloatArray, cost: FloatArray | float
    ) -> FloatArray | float:
        if not self.band_scale:
            return 0.0
        width = self.band_scale * half_width(state, gamma=gamma, cost=cost, aversion=state.risk_aversion)
        width = width * by_regime(state, self.aversion_tilt ** (-1.0 / 3.0))
        events: FloatArray | float = 1.0
        if self.gap_response:
            events = events + self.gap_response * (state.gap_prob - state.gap_base)
        if self.spike_response:
            events = events + self.spike_response * (state.spike_prob - state.spike_base)
        return width * np.maximum(events, 0.0) if isinstance(events, np.ndarray) else width


def by_regime(state: MarketState, tilt: float) -> FloatArray | float:
    """Return Σ_k p_k · tilt^(k/(K−1) − 1/2), [N, T]: a factor tilted from the calmest regime to the last.

    A tilt of 1 is no tilt and asks for no regimes; a market of one regime has none either.
    """
    regimes = state.regime_prob.shape[-1]
    if tilt == 1.0 or regimes == 1:
        return 1.0
    factors = tilt ** (np.arange(regimes) / (regimes - 1) - 0.5)
    return remembered(state, ("by_regime", tilt), (), lambda: np.asarray(state.regime_prob @ factors))


@dataclass(frozen=True)
class RegimeSwitchedNoRegimes(RegimeSwitched):
    """Ablation: one regime, the same inputs and forecasts, tuned with the same budget."""

    name: ClassVar[str] = "regime_switched_no_regimes"
    without: ClassVar[frozenset[str]] = REGIMES


@dataclass(frozen=True)
class RegimeSwitchedNoForecasts(RegimeSwitched):
    """Ablation: no volatility, cost or event forecast, tuned with the same budget."""

    name: ClassVar[str] = "regime_switched_no_forecasts"
    without: ClassVar[frozenset[str]] = FORECASTS
    forecast_weight: float = 0.0


@dataclass(frozen=True)
class RegimeSwitchedNoBands(RegimeSwitched):
    """Ablation: rebalanced at every decision time, tuned with the same budget."""

    name: ClassVar[str] = "regime_switched_no_bands"
    without: ClassVar[frozenset[str]] = BANDS
    band_scale: float = 0.0


ABLATIONS = (RegimeSwitchedNoRegimes, RegimeSwitchedNoForecasts, RegimeSwitchedNoBands)
