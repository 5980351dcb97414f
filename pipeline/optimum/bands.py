"""Solved no-trade bands, kept and looked up: in memory, and in the dataset store where there is one."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from threading import RLock
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray
from pipeline.ingest.dataset import Output
from pipeline.ingest.packing import packed, unpacked
from pipeline.ingest.pieces import Pieces, anew
from pipeline.optimum import simplex
from pipeline.optimum.programme import Programme
from pipeline.optimum.solution import solve

Stage = TypeVar("Stage", bound=Callable[..., Any])
MOST_NUMBERS = 30_000_000
"""Numbers kept in memory, 240 MB; the bands that were not asked for longest go first."""
FILE = "bands.npz"


@dataclass(frozen=True)
class Bands:
    """The no-trade bands of one programme.

    Attributes
    ----------
    spacing : of log-spot; the grid is centred on the strike.
    lower, upper : [n, X, M] edges with r = index + 1 steps left; over M beliefs the coefficients of
        Bernstein's polynomials, over M regimes their edges.
    """

    programme: Programme
    spacing: float
    lower: FloatArray
    upper: FloatArray

    def edges(
        self, log_moneyness: FloatArray, left: NDArray[np.int64], prob: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return the lower and upper edge of each of N cells; between grid points they are lines.

        Parameters
        ----------
        log_moneyness : [N] log(S/K); beyond the grid its end counts.
        left : [N] steps to go, 1 to n.
        prob : [N, K] what is known of the regimes: where only prices are seen, the weights of `vertices` (the
            filtered probabilities, or with jumps the predicted ones); where the regime is known, 1 in its
            column.
        """
        if left.size and not 1 <= left.min() <= left.max() <= len(self.lower):
            raise PolicyError(
                f"{int(left.max())} steps to go, the bands were solved for 1 to {len(self.lower)}"
            )
        points = self.lower.shape[1]
        place = np.clip(log_moneyness / self.spacing + points // 2, 0.0, points - 1.0)
        low = np.minimum(place.astype(np.int64), points - 2)
        part = place - low
        ends = self.programme.liability.position_range
        found = []
        for edge in (self.lower, self.upper):
            if edge.shape[2] == 1:
                at = [edge[left - 1, low + step, 0] for step in (0, 1)]
            else:
                weight = self._weights(prob)
                at = [np.einsum("nm,nm->n", edge[left - 1, low + step], weight) for step in (0, 1)]
            found.append(np.clip(at[0] + part * (at[1] - at[0]), *ends))
        return found[0], np.maximum(found[0], found[1])

    def _weights(self, prob: FloatArray | None) -> FloatArray:
        if prob is None or prob.shape[-1] != self.programme.dynamics.regimes:
            raise PolicyError(
                f"bands of {self.programme.dynamics.regimes} regimes need a probability of each"
            )
        return prob if self.programme.seen == "regime" else simplex.bernstein(prob, self.programme.degree)


def bands_of(programme: Programme) -> Bands:
    """Return the bands of a programme: those in memory, else the store's (`keeping`), else solved now.

    Any thread may ask; one at a time solves.
    """
    with _LOCK:
        if programme in _MEMORY:
            _MEMORY.move_to_end(programme)
            return _MEMORY[programme]
        content = unpacked(_PIECES[-1]("optimal_bands", optimal_bands, programme=programme).read_bytes(FILE))
        _MEMORY[programme] = Bands(programme, float(content["spacing"]), content["lower"], content["upper"])
        while len(_MEMORY) > 1 and sum(each.lower.size for each in _MEMORY.values()) > MOST_NUMBERS // 2:
            _MEMORY.popitem(last=False)
        return _MEMORY[programme]


def optimal_bands(programme: Programme) -> Output:
    """Solve a programme; `bands.npz` holds `spacing`, `lower` and `upper`, see `Bands`."""
    found = solve(programme)
    regimes, degree = programme.dynamics.regimes, programme.degree
    edges = {}
    for name, edge in (("lower", found.lower), ("upper", found.upper)):
        states = np.moveaxis(edge, 1, 2)
        edges[name] = states @ simplex.coefficients(regimes, degree).T if degree else states
    return {FILE: packed({"spacing": np.array(found.log_spot[1] - found.log_spot[0]), **edges})}


@contextmanager
def keeping(pieces: Pieces) -> Iterator[None]:
    """Keep what is solved inside where the pieces of a stage are kept."""
    _PIECES.append(pieces)
    try:
        yield
    finally:
        _PIECES.remove(pieces)


def keeps_bands(stage: Stage) -> Stage:
    """Return a stage that keeps the bands solved in it among its `pieces`."""

    @wraps(stage)
    def kept(*arguments: Any, **named: Any) -> Any:
        with keeping(named.get("pieces", anew)):
            return stage(*arguments, **named)

    return cast(Stage, kept)


_LOCK = RLock()
_MEMORY: OrderedDict[Programme, Bands] = OrderedDict()
_PIECES: list[Pieces] = [anew]
