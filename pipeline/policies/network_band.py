"""A band that a trained network moves and stretches within limits, from Zakamouline's band."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Untrained
from pipeline.policies.batched import batched
from pipeline.policies.correction import corrected, quickened
from pipeline.policies.engineered_state import check_columns, engineered
from pipeline.policies.live_band import live_band
from pipeline.policies.network import Network, check_sizes
from pipeline.policies.one_option import Answer
from pipeline.policies.trading_rule import pace, traded
from pipeline.policies.zakamouline import Zakamouline, unclipped

OPTION = ("moneyness", "log_deviation", "log_steps", "log_cost", "log_aversion")
"""What a network sees of an option and its desk, see `option_columns`."""
INPUTS = (*OPTION, "center", "half_width")
"""What the network sees, see `inputs`."""


@dataclass(frozen=True)
class NetworkBand(Untrained):
    """Zakamouline's band m ± h with its centre at m + 1.5 h tanh a and its half-width h 4^(tanh b).

    (a, b) is the network's answer to `inputs` and to what else it `sees`. A network whose last layer is zero,
    and none at all, is Zakamouline's band itself: the untrained network is a good hedger, and a trained one
    cannot leave its neighbourhood. The band is traded as `trading_rule` says. Networks are trained by
    `pipeline.deep` and used without it; one that was trained on one kind of option corrects the others as it
    corrects that one.

    A network that learned under frictions has a third answer c: where the trading rule goes a part s of the
    way to Zakamouline's band in one step, because of impact, it goes as far as the rule does in 4^(tanh c)
    steps, 1 − (1 − s)^(4^(tanh c)).

    Attributes
    ----------
    network : two or three outputs from `INPUTS` and what it sees beside them; None is no correction.
    sees : names of `engineered_state.COLUMNS`; who sees some is asked where there are forecasts only.

    Raises
    ------
    PolicyError
        The network has other inputs or outputs than these, or sees what is no column.

    References
    ----------
    Imaki, Imajo, Ito, Minami, Nakagawa (2021), No-transaction band network; Zakamouline (2006).
    """

    name: ClassVar[str] = "network_band"
    untrained: ClassVar[str] = Zakamouline.name
    network: Network | None = None
    sees: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_columns(self.sees)
        needed = len(INPUTS) + len(self.sees)
        check_sizes(self.name, self.network, (needed, 2), (needed, 3))

    @property
    def paced(self) -> bool:
        """Whether the network also says how fast the band is gone to."""
        return self.network is not None and self.network.sizes[1] == 3

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the corrected band at the desk's constant cost."""
        return corrected_band(state, self.name, self.network, self.sees)

    def of_one_option(self, liability: Liability) -> Answer:
        """Return the band of one option with plain numbers; see `one_option`."""
        return live_band(self, self.network, self.sees, liability)


def corrected_band(
    state: MarketState,
    policy: str,
    network: Callable[[FloatArray], FloatArray] | None,
    sees: tuple[str, ...] = (),
) -> Band:
    """Return Zakamouline's band as the answers [N, T, 2 or 3] of a network to `seen_of` the state correct it.

    Raises
    ------
    PolicyError
        As `prior` and `engineered_state.engineered`.
    """
    center, half_width, cost, vol = prior(state, policy)
    quicken: list[FloatArray] = []
    moved = center, half_width
    if network is not None:
        answer = np.tanh(network(seen_of(state, center, half_width, sees, policy)))
        shift, stretch, *quicken = np.moveaxis(answer, -1, 0)
        moved = corrected(center, half_width, shift, stretch)
    band = traded(state, *moved, cost, vol)
    if quicken:
        band = band.slowed(quickened(pace(state, center, half_width, vol), quicken[0]))
    return band.clipped(*exposure.position_range(state))


def prior(state: MarketState, policy: str) -> tuple[FloatArray, FloatArray, FloatArray | float, FloatArray]:
    """Return the centre and half-width [N, T] that are corrected, with the cost and volatility they are for.

    Zakamouline's, the half-width at most the range of the options' delta.
    """
    center, half_width, cost, vol = unclipped(state, policy)
    low, high = exposure.position_range(state)
    return center, np.minimum(half_width, high - low), cost, vol


def seen_of(
    state: MarketState, center: FloatArray, half_width: FloatArray, sees: tuple[str, ...], policy: str
) -> FloatArray:
    """Return `inputs`, and behind them columns of `engineered_state`, [N, T, F + M]."""
    seen = inputs(state, center, half_width)
    return np.concatenate([seen, engineered(state, sees, policy)], axis=-1) if sees else seen


def inputs(state: MarketState, center: FloatArray, half_width: FloatArray) -> FloatArray:
    """Return what the network sees, [N, T, F]: numbers without a unit, of one option held.

    `OPTION`, and the prior's centre and half-width. In a net book they are averages over the options: equal
    options have the inputs of one.
    """
    one = 1.0 / np.maximum(exposure.held(state), 1e-300)
    columns = (
        *option_columns(state, lambda values: exposure.typical(state, values)),
        center * one,
        half_width * one,
    )
    return np.stack([np.broadcast_to(column, state.shape) for column in columns], axis=-1)


def option_columns(
    state: MarketState, of: Callable[[FloatArray], FloatArray]
) -> tuple[FloatArray | float, ...]:
    """Return moneyness log(F/K)/(σ√τ), log σ√τ, log τ/Δt, log c and log γK, where γ counts for one option.

    Parameters
    ----------
    of : what is taken of the options' quantities: their average, or each as it is.
    """
    deviation = state.implied_vol * np.sqrt(state.time_to_expiry)
    return (
        of(np.log(state.forward / state.strike) / deviation),
        np.log(of(deviation)),
        np.log(of(state.time_to_expiry) / state.interval),
        np.log(max(state.desk_cost, 1e-9)),
        np.log(np.maximum(state.risk_aversion * exposure.held(state) * of(state.strike), 1e-300)),
    )
