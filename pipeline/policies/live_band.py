"""A network's band at a desk's live decision within the day: part of one compiled call."""

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.kept import kept
from pipeline.domain.option_state import PlainState
from pipeline.policies.base import Policy
from pipeline.policies.engineered_state import COLUMNS, columns_of_one
from pipeline.policies.live_decision import BAND, decided
from pipeline.policies.live_option import Option, Owed, Terms, owed
from pipeline.policies.network import Network
from pipeline.policies.one_option import Answer, CompiledAnswer

IntArray = NDArray[np.int64]


def live_band(policy: Policy, network: Network | None, sees: tuple[str, ...], liability: Liability) -> Answer:
    """Return the policy's band for one option: that of arrays to 1e-12; a fixed fee is left to these.

    Parameters
    ----------
    policy : a `NetworkBand` that has this network and sees these columns.
    liability : the option.
    """
    columns = np.array([list(COLUMNS).index(name) for name in sees], dtype=np.int64)
    numbers = np.empty(0) if network is None else network.numbers
    return CompiledAnswer(policy, _band, (*owed(liability), columns, numbers))


@kept(nogil=True, error_model="numpy")
def _band(
    state: PlainState, ends: FloatArray, legs: FloatArray, columns: IntArray, network: FloatArray
) -> tuple[float, float]:
    """`NetworkBand.band` of one option; `columns` are the places in `COLUMNS` of what it sees."""
    own, known = state.option, columns_of_one(state)
    option = Option(own.forward, state.strike, own.time_to_expiry, own.implied_vol, own.forward, 1.0, 0.0)
    terms = Terms(state.desk_cost, state.risk_aversion, own.interval, 0.0, 0.0)
    beside = np.empty(len(columns))
    for k in range(len(columns)):
        beside[k] = known[columns[k]]
    edges = decided(BAND, option, terms, Owed(ends, legs), beside, network, None, np.full(2, np.nan))
    return edges.lower, edges.upper
