"""A band that a trained recurrent network corrects by what the price has done since the option was dealt."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.policies.base import Untrained
from pipeline.policies.batched import batched
from pipeline.policies.exposure import typical
from pipeline.policies.network import check_sizes
from pipeline.policies.network_band import INPUTS, corrected_band
from pipeline.policies.recurrent_network import RecurrentNetwork
from pipeline.policies.zakamouline import Zakamouline

PATH = ("move", "move_size")
"""What the network remembers the path of, see `moves`: columns of `pipeline.deep.seen` too."""


@dataclass(frozen=True)
class RecurrentBand(Untrained):
    """Zakamouline's band as `network_band` corrects it, by a network that has read the option's path.

    A GRU reads `moves` from the deal on; the layers behind it read its state, the last move and what
    `network_band` sees. So it can tell by itself in what regime the market is, from prices beside the
    volatility that the option is marked at. In a net book every option has a state of its own, and the layers
    read their average over the options held. A network that learned under impact has a third answer, its
    pace, as that of `network_band`.

    Attributes
    ----------
    network : two or three outputs from `PATH` and `INPUTS`; None is no correction.

    Raises
    ------
    PolicyError
        The network has other inputs or outputs than these.

    References
    ----------
    Imaki, Imajo, Ito, Minami, Nakagawa (2021), No-transaction band network; Buehler, Gonon, Teichmann, Wood
    (2019), section 4.2, for hedges that remember.
    """

    name: ClassVar[str] = "recurrent_band"
    untrained: ClassVar[str] = Zakamouline.name
    reads_path: ClassVar[bool] = True
    network: RecurrentNetwork | None = None

    def __post_init__(self) -> None:
        needed = (len(PATH), len(INPUTS))
        check_sizes(self.name, self.network, (*needed, 2), (*needed, 3))

    @property
    def paced(self) -> bool:
        """Whether the network also says how fast the band is gone to."""
        return self.network is not None and self.network.sizes[-1] == 3

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the corrected band at the desk's constant cost.

        Raises
        ------
        PolicyError
            The state begins after an option was dealt.
        """
        if self.network is None:
            return corrected_band(state, self.name, None)
        network, of_each = self.network, remembered(state, self.network, self.name)
        read = np.stack([typical(state, column) for column in np.moveaxis(of_each, -1, 0)], axis=-1)
        return corrected_band(
            state, self.name, lambda seen: network.layers(np.concatenate([read, seen], axis=-1))
        )


def remembered(state: MarketState, network: RecurrentNetwork, policy: str) -> FloatArray:
    """Return what a network's layers read of each option's path, [N, T, U + F], or [M, N, T, U + F].

    Raises
    ------
    PolicyError
        The state begins after an option was dealt.
    """
    dealt = state.dealt
    if not dealt[..., 0].all():
        raise PolicyError(
            f"policy {policy}: reads the path since an option was dealt, so it must be asked from "
            "there on: use MarketState.until"
        )
    heard = moves(state)
    flat = heard.reshape(-1, *heard.shape[-2:])
    known = network.recalled(flat, dealt.reshape(len(flat), -1)).reshape(*heard.shape[:-1], -1)
    return np.concatenate([known, heard], axis=-1)


def moves(state: MarketState) -> FloatArray:
    """Return the last move of each option's forward, and its size: [N, T, 2], or [M, N, T, 2] in a net book.

    log(F_t/F_{t−1})/(σ_{t−1} √Δt) with σ the volatility that the option was marked at: its deviation is 1 if
    the price moves as it was marked. Zero when the option is dealt.
    """
    move = np.zeros_like(state.forward)
    told = state.implied_vol[..., :-1] * np.sqrt(state.interval)
    move[..., 1:] = np.diff(np.log(state.forward), axis=-1) / told
    move[state.dealt] = 0.0
    return np.stack([move, np.abs(move)], axis=-1)
