"""Bands of agents that learned by trial: what `network_band` is, from another teacher."""

from dataclasses import dataclass
from typing import ClassVar

from pipeline.policies.network_band import NetworkBand


@dataclass(frozen=True)
class PpoBand(NetworkBand):
    """Zakamouline's band as the actor of a PPO agent corrects it (`pipeline.agents`); see `NetworkBand`.

    References
    ----------
    Schulman, Wolski, Dhariwal, Radford, Klimov (2017), Proximal policy optimization algorithms, eq. 7.
    """

    name: ClassVar[str] = "ppo_band"


@dataclass(frozen=True)
class SacBand(NetworkBand):
    """Zakamouline's band as the actor of a SAC agent corrects it (`pipeline.agents`); see `NetworkBand`.

    References
    ----------
    Haarnoja, Zhou, Abbeel, Levine (2018), Soft actor-critic, eq. 10.
    """

    name: ClassVar[str] = "sac_band"
