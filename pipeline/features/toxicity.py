"""Order-flow toxicity: VPIN, the share of the volume that went with the price, in equal-volume buckets.

Easley, López de Prado and O'Hara take buckets of a fiftieth of a day's volume, average fifty of them and
carry them over the night. Here a day begins anew, and fifty such buckets would be full at its end at best;
with a fifth of their size the average is known from a fifth of a usual day's volume on.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import numpy as np

from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Days, Output, Source, Tables, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

BUCKETS: Final = 50
"""Full buckets that are averaged."""
A_DAY: Final = 250
"""Buckets that a training day fills on average."""
FILLED, CLOSED, LAST, HEAD = 0, 1, 2, 3
"""Places in the state: volume in the open bucket, price at which the bucket before closed, last price, number
of full buckets so far; behind them the imbalances of the last `BUCKETS` full ones."""
_RING: Final = 4


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """Nothing has traded; the parameters are the volume of a bucket and the deviation of its price moves."""
    state[:] = 0.0
    state[CLOSED] = np.nan


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    """Fill buckets with a trade: within further ones that it fills alone the price does not move.

    Of these only the last `BUCKETS` are averaged, so a trade of any size takes bounded time.
    """
    price, left, bucket = row[0], row[1], parameters[0]
    if math.isnan(state[CLOSED]):
        state[CLOSED] = price
    state[LAST] = price
    if state[FILLED] + left < bucket:
        state[FILLED] += left
        return
    move = (price - state[CLOSED]) / parameters[1]
    left -= bucket - state[FILLED]
    state[_RING + int(state[HEAD]) % BUCKETS] = abs(math.erf(move / math.sqrt(2.0)))
    state[HEAD] += 1.0
    state[CLOSED] = price
    for _ in range(int(min(left // bucket, float(BUCKETS)))):
        state[_RING + int(state[HEAD]) % BUCKETS] = 0.0
        state[HEAD] += 1.0
    state[FILLED] = left % bucket


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    values[0] = np.nan
    if state[HEAD] >= BUCKETS:
        values[0] = np.mean(state[_RING:])


def _moves(day: Iterable[Tables], bucket: float) -> FloatArray:
    """Return how far the price moves in each bucket of a day's trades."""
    filled, closes = 0.0, list[FloatArray]()
    for part in day:
        price, size = part["trades"].columns.T
        if not len(price):
            continue
        volume = np.cumsum(np.append(filled, size))
        number = np.floor(volume / bucket)
        closes += [price[np.diff(number) > 0.0]] if closes else [price[:1], price[np.diff(number) > 0.0]]
        filled = volume[-1]
    return np.diff(np.concatenate(closes)) if closes else np.empty(0)


def fit_buckets(training: Days) -> FloatArray:
    """Return the volume of a bucket, a training day's over `A_DAY`, and the deviation of its price moves.

    Each day begins anew, as it does where the feature is used: no move goes over a night.

    Raises
    ------
    FitError
        The trades do not fill two buckets, or the price never moves.
    """
    trades = 0

    def sizes() -> Iterator[float]:
        nonlocal trades
        for part in chain.from_iterable(training):
            trades += len(part["trades"])
            yield from part["trades"].columns[:, 1].tolist()

    bucket = math.fsum(sizes()) / len(training) / A_DAY
    if trades < 2:
        raise FitError("vpin: fewer than two training trades: start the training earlier")
    moves = np.concatenate([_moves(day, bucket) for day in training])
    deviation = float(np.sqrt(np.mean(moves**2))) if len(moves) else 0.0
    if not deviation > 0.0:
        raise FitError(
            "vpin: the price of the training trades never moves from bucket to bucket: train longer"
        )
    return np.array([bucket, deviation])


VPIN: Final = event_feature(
    "vpin",
    sources=(Source("trades", ("price", "size")),),
    outputs=(
        Output(
            "vpin_50",
            "share, 0 to 1",
            "1/n Σ |V_B − V_S|/V, V_B = V Φ(ΔP/σ_ΔP), n = 50 buckets of volume V, a day's over 250",
        ),
    ),
    reference="Easley, López de Prado, O'Hara (2012), equation 3",
    description="Share of volume in the direction of the price over the last fifty equal-volume buckets.",
    state_size=_RING + BUCKETS,
    fit=fit_buckets,
    functions=(_init, _step, _read),
)
