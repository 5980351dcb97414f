"""The randomness of simulated markets: a function of seed, path and step, whoever asks and in what order.

A counter-based generator has no state to carry. So neither the number of threads nor the size of a batch
moves a number, a path can be had again alone, and two processes with one seed share their shocks.
"""

import math
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept

LANES: Final = 256
"""Paths that are drawn at once: loops of one length become vector instructions without a remainder."""
NORMAL, SECOND_NORMAL, UNIFORM, SECOND_UNIFORM = range(4)
"""The rows of a block: two standard normals, two uniforms in (0, 1), all independent."""

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_UNIT: Final = 2.0**-32
_LN2: Final = 0.6931471805599453
_ONE: Final = 0x3FF0000000000000
_SQRT_HALF: Final = 0x3FE6A09E667F3BCD
_FRACTION: Final = 0x000FFFFFFFFFFFFF
_EIGHTH, _QUARTER_BITS = np.uint64(1 << 29), np.uint64(30)
_QUARTER_TURN: Final = math.pi / 2.0 * 2.0**-30
_SIN: Final = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(7, -1, -1))
_COS: Final = tuple((-1.0) ** k / math.factorial(2 * k) for k in range(8, -1, -1))
_ARTANH: Final = tuple(2.0 / (2 * k + 1) for k in range(10, -1, -1))
"""Taylor series of sin y / y and cos y in y², |y| ≤ π/4, and of 2 artanh(s)/s in s², |s| ≤ 3 − 2√2."""

inlined = njit(inline="always", error_model="numpy")
compiled = kept(nogil=True, error_model="numpy", fastmath={"contract"})


def draws(seed: int, *, first: int, steps: int, blocks: int = 1, stream: int = 0) -> FloatArray:
    """Return the shocks of `LANES` paths from path `first` on, [T, B, 4, LANES].

    Every step of a path has B blocks of four numbers, see `NORMAL`. A block is what Philox 4x32-10 makes of
    the counter (path, step, block) under the key `seed`; two of its words become normals by Box and Muller,
    √(−2 ln u) (cos 2πw, sin 2πw). Uniforms have 32 bits: a normal is at most 6.8 in size. Never NaN.

    `stream` tells apart what is drawn for one path by different models: prices are stream 0.

    Raises
    ------
    SettingsError
        The seed is negative or has more than 64 bits.

    References
    ----------
    Salmon, Moraes, Dror, Shaw (2011), Parallel random numbers: as easy as 1, 2, 3, section 3.3.
    Box, Muller (1958).

    Examples
    --------
    >>> some = draws(7, first=1000, steps=3)
    >>> some.shape
    (3, 1, 4, 256)
    >>> bool((draws(7, first=1100, steps=2)[1, 0, :, 0] == some[1, 0, :, 100]).all())
    True
    """
    if not 0 <= seed < 2**64:
        raise SettingsError(f"seed {seed}: give a whole number from 0 to 2⁶⁴ − 1")
    out = np.empty((steps, blocks, 4, LANES))
    _fill(np.uint64(seed), np.uint64(first), np.uint64(stream << 16), out)
    return out


@compiled
def words(seed: Any, path: Any, step: Any, block: Any) -> NDArray[np.uint32]:
    """Return the four words of Philox 4x32-10 for one counter."""
    a, b, c, d = _philox(np.uint64(seed), np.uint64(path), np.uint64(step), np.uint64(block))
    return np.array([a, b, c, d]).astype(np.uint32)


@inlined  # type: ignore[untyped-decorator]
def _philox(seed: Any, path: Any, step: Any, block: Any) -> Any:
    """Ten rounds on 32-bit words that stand in 64-bit ones; the counter is (path, path's upper half, …)."""
    a, b, c, d = path & _LOW, path >> _HALF, step, block
    key, other = seed & _LOW, seed >> _HALF
    for _ in range(10):
        first, second = _M0 * a, _M1 * c
        a, b, c, d = (second >> _HALF) ^ b ^ key, second & _LOW, (first >> _HALF) ^ d ^ other, first & _LOW
        key, other = (key + _W0) & _LOW, (other + _W1) & _LOW
    return a, b, c, d


@inlined  # type: ignore[untyped-decorator]
def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    value = coefficients[0]
    for place in range(1, len(coefficients)):
        value = value * x + coefficients[place]
    return value


@inlined  # type: ignore[untyped-decorator]
def _uniform(word: Any) -> Any:
    return (np.float64(np.int64(word)) + 0.5) * _UNIT


@inlined  # type: ignore[untyped-decorator]
def _log(x: Any) -> Any:
    """Natural logarithm of a normal x > 0: that of a power of two and of what is left, near one."""
    bits = np.float64(x).view(np.int64) + (_ONE - _SQRT_HALF)
    power = np.float64((bits >> 52) - 1023)
    rest = np.int64((bits & _FRACTION) + _SQRT_HALF).view(np.float64)
    slope = (rest - 1.0) / (rest + 1.0)
    return power * _LN2 + slope * _polynomial(_ARTANH, slope * slope)


@inlined  # type: ignore[untyped-decorator]
def _turn(word: Any) -> Any:
    """Cosine and sine of 2π word / 2³²: of an angle within an eighth of a turn, then turned by quarters."""
    quarter = (word + _EIGHTH) >> _QUARTER_BITS
    angle = np.float64(np.int64(word) - np.int64(quarter << _QUARTER_BITS)) * _QUARTER_TURN
    squared = angle * angle
    sine, cosine = angle * _polynomial(_SIN, squared), _polynomial(_COS, squared)
    odd = (quarter & np.uint64(1)) == np.uint64(1)
    x, y = (sine if odd else cosine), (cosine if odd else sine)
    left = ((quarter + np.uint64(1)) & np.uint64(2)) != np.uint64(0)
    below = (quarter & np.uint64(2)) != np.uint64(0)
    return (-x if left else x), (-y if below else y)


@compiled
def _fill(seed: Any, first: Any, origin: Any, out: FloatArray) -> None:
    for t in range(out.shape[0]):
        for block in range(out.shape[1]):
            for i in range(LANES):
                a, b, c, d = _philox(seed, first + np.uint64(i), np.uint64(t), origin + np.uint64(block))
                radius = math.sqrt(-2.0 * _log(_uniform(a)))
                x, y = _turn(b)
                out[t, block, 0, i] = radius * x
                out[t, block, 1, i] = radius * y
                out[t, block, 2, i] = _uniform(c)
                out[t, block, 3, i] = _uniform(d)
