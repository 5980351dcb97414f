"""A trained network that decides on one option, decision after decision: one compiled call each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from pipeline.domain.edges import Edges
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.kept import kept
from pipeline.policies.checkpoint import Learned
from pipeline.policies.live_decision import BAND, POSITION, SLOPE, decided, forgotten
from pipeline.policies.live_option import Option, Owed, Terms, owed
from pipeline.policies.network_band import NetworkBand
from pipeline.policies.network_position import NetworkPosition, RecurrentPosition
from pipeline.policies.network_slope import NetworkSlope
from pipeline.policies.recurrent_band import RecurrentBand
from pipeline.policies.recurrent_network import RecurrentNetwork

KINDS: Final[dict[type[Learned], int]] = {
    NetworkBand: BAND,
    RecurrentBand: BAND,
    NetworkPosition: POSITION,
    RecurrentPosition: POSITION,
    NetworkSlope: SLOPE,
}


@dataclass(frozen=True)
class LiveNetwork:
    """A trained policy for one option from its deal on: the policy's own edges to 1e-12, plain numbers in.

    It is compiled when it is made, which takes seconds at first; a call takes microseconds, however long the
    path. What a network remembers, and whether the hedge is opened, follows from the calls since `deal`; one
    that fails is not remembered.

    Attributes
    ----------
    policy : with a network.
    liability : the option, on one strike.
    cost : proportional, one way.
    aversion : per unit of money.
    interval : years between two decisions.
    rate : continuous, annual.
    fixed_fee : of a trade of any size, money.

    Raises
    ------
    PolicyError
        The policy has no network.

    Examples
    --------
    >>> from pipeline.policies.network import Layer, Network
    >>> idle = Layer(((0.0,) * 7,) * 2, (0.0, 0.0))
    >>> idle = Network((idle,), (0.0,) * 7, (1.0,) * 7, (-9.0,) * 7, (9.0,) * 7)
    >>> live = LiveNetwork(NetworkBand(idle), Liability.of("call", "short"), 1e-3, 1.0, 1 / 252)
    >>> edges = live(forward=100.0, strike=100.0, time=21 / 252, vol=0.2, price=100.0)
    >>> round(edges.lower, 3), round(edges.upper, 3), edges.speed  # Zakamouline's band
    (0.463, 0.561, 1.0)
    """

    policy: Learned
    liability: Liability
    cost: float
    aversion: float
    interval: float
    rate: float = 0.0
    fixed_fee: float = 0.0
    _memory: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.policy.network is None:
            raise PolicyError(f"policy {self.policy.name}: no network to decide with: train one")
        network = self.policy.network
        units = network.gru.sizes[1] if isinstance(network, RecurrentNetwork) else 0
        object.__setattr__(self, "_memory", forgotten(units))
        self(100.0, 100.0, self.interval, 0.2, 100.0, sees=[0.0] * len(self.sees))
        self.deal()

    @property
    def sees(self) -> tuple[str, ...]:
        """What has to be told beside the option, see `engineered_state.COLUMNS`."""
        return self.policy.sees if isinstance(self.policy, NetworkBand) else ()

    def deal(self) -> None:
        """Forget: the next decision is the first of an option."""
        self._memory[:] = forgotten(len(self._memory) - 2)

    def __call__(
        self,
        forward: float,
        strike: float,
        time: float,
        vol: float,
        price: float,
        slope: float = 1.0,
        impact: float = 0.0,
        sees: Sequence[float] = (),
    ) -> Edges:
        """Return the edges of the next decision in units of the hedge instrument, and remember it.

        Parameters
        ----------
        forward, strike, time, vol : of the option: time in years to expiry, vol at which it is marked.
        price, slope : of the hedge instrument, and dF/dprice.
        impact : how far trading one unit moves the price, a fraction of it.
        sees : the columns that the policy's `sees` names.

        Raises
        ------
        PolicyError
            A number is NaN, a bought option at so high a cost has no adjusted variance, or it is told other
            columns than it sees.
        """
        if len(sees) != len(self.sees):
            raise PolicyError(
                f"policy {self.policy.name}: told {len(sees)} columns beside the option, "
                f"it sees {', '.join(self.sees) or 'none'}"
            )
        option = (forward, strike, time, vol, price, slope, impact)
        edges = self._decide(*option, np.array(sees, dtype=np.float64))
        if edges.lower <= edges.upper:
            return edges
        told = ", ".join(f"{name} {value}" for name, value in zip(Option._fields, option, strict=True))
        raise PolicyError(
            f"policy {self.policy.name}: no band at {told}: a number, or one of what is seen beside them, is "
            "NaN, or the cost too high for an option bought"
        )

    @cached_property
    def _decide(self) -> Callable[..., Edges]:
        network: Any = self.policy.network
        kind = next(each for of, each in KINDS.items() if isinstance(self.policy, of))
        terms = np.array((self.cost, self.aversion, self.interval, self.rate, self.fixed_fee))
        plain = not isinstance(network, RecurrentNetwork)
        layers, gru = (network, None) if plain else (network.layers, network.gru.arrays)
        given = (kind, terms, *owed(self.liability), layers.numbers, gru, self._memory)

        def decide(*told: Any) -> Edges:
            return Edges(*_decided(*told, *given))

        return decide


@kept(error_model="numpy")
def _decided(
    forward: float,
    strike: float,
    time: float,
    vol: float,
    price: float,
    slope: float,
    impact: float,
    beside: FloatArray,
    kind: int,
    terms: FloatArray,
    ends: FloatArray,
    legs: FloatArray,
    network: FloatArray,
    gru: Any,
    memory: FloatArray,
) -> tuple[float, ...]:
    """`decided` for plain numbers."""
    option = Option(forward, strike, time, vol, price, slope, impact)
    desk = Terms(terms[0], terms[1], terms[2], terms[3], terms[4])
    edges = decided(kind, option, desk, Owed(ends, legs), beside, network, gru, memory)
    return edges.lower, edges.upper, edges.to_lower, edges.to_upper, edges.speed
