"""Positions that a trained network answers with, from nothing: rivals of the bands that have a prior."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Untrained
from pipeline.policies.batched import batched
from pipeline.policies.network import Network, check_sizes
from pipeline.policies.network_band import OPTION, option_columns
from pipeline.policies.recurrent_band import PATH, remembered
from pipeline.policies.recurrent_network import RecurrentNetwork


@dataclass(frozen=True)
class NetworkPosition(Untrained):
    """The position l + (u − l)(1 + tanh a)/2 in the range [l, u] of the option's delta: a band of width zero.

    a is the network's answer to `OPTION`: it is told no delta, no band and not what is held. A network whose
    last layer is zero, and none at all, holds the middle of the range: half a unit for a call. So all that it
    knows it has learned, and what it does worse than `network_band` is what that one's prior and band are
    worth. In a net book the options' positions add up. The position is gone to at every decision: fixed fees
    are not answered, and impact only by where a network that learned under it goes.

    Attributes
    ----------
    network : one output from `OPTION`; None is the middle.

    Raises
    ------
    PolicyError
        The network has other inputs or outputs than these.

    References
    ----------
    Buehler, Gonon, Teichmann, Wood (2019), Deep hedging, section 4.
    """

    name: ClassVar[str] = "network_position"
    untrained: ClassVar[str] = ""
    network: Network | None = None

    def __post_init__(self) -> None:
        check_sizes(self.name, self.network, (len(OPTION), 1))

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the zero-width band at the network's position."""
        return position_band(state, self.network)


@dataclass(frozen=True)
class RecurrentPosition(Untrained):
    """What `network_position` is, by a network that has read the option's path as `recurrent_band` reads it.

    Attributes
    ----------
    network : one output from `recurrent_band.PATH` and `OPTION`; None is the middle of the range.

    Raises
    ------
    PolicyError
        The network has other inputs or outputs than these.

    References
    ----------
    Buehler, Gonon, Teichmann, Wood (2019), Deep hedging, section 4.
    """

    name: ClassVar[str] = "recurrent_position"
    untrained: ClassVar[str] = ""
    reads_path: ClassVar[bool] = True
    network: RecurrentNetwork | None = None

    def __post_init__(self) -> None:
        check_sizes(self.name, self.network, (len(PATH), len(OPTION), 1))

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the zero-width band at the network's position.

        Raises
        ------
        PolicyError
            The state begins after an option was dealt.
        """
        if self.network is None:
            return position_band(state, None)
        network, read = self.network, remembered(state, self.network, self.name)
        return position_band(state, lambda seen: network.layers(np.concatenate([read, seen], axis=-1)))


def position_band(state: MarketState, network: Callable[[FloatArray], FloatArray] | None) -> Band:
    """Return the zero-width band at the positions that a network answers with for each option, added up.

    Parameters
    ----------
    network : from `OPTION` [N, T, F] to [N, T, 1], or [M, N, T, ·] in a net book.
    """
    answer = np.zeros_like(state.forward) if network is None else network(seen(state))[..., 0]
    return Band.around(exposure.within_range(state, 0.5 + 0.5 * np.tanh(answer)))


def seen(state: MarketState) -> FloatArray:
    """Return `OPTION` of each option, [N, T, F], or [M, N, T, F] in a net book."""
    columns = option_columns(state, lambda values: values)
    return np.stack([np.broadcast_to(column, state.forward.shape) for column in columns], axis=-1)
