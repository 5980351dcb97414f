"""Delta and gamma of calls and puts in one pass, with one exponential and no branch, for large batches.

The same numbers as `pricing.book` gives (its twin in the tests), several times as fast: the loops run over
blocks of fixed length, so that the compiler turns them into vector instructions and every element gets the
same bits wherever it stands in an array. numba's cache sees one file only: what the kernels call stands here.
"""

import math
from typing import Any, Final

import numpy as np
from numba import njit

from pipeline.domain.instruments import FloatArray, Liability
from pipeline.pricing.black import Numbers

BLOCK: Final = 256
LOG2E: Final = 1.4426950408889634
LN2_HIGH: Final = 6.93147180369123816490e-01
LN2_LOW: Final = 1.90821492927058770002e-10
ROUNDER: Final = 6755399441055744.0
"""1.5 · 2⁵²: added and taken away it rounds to a whole number, which stands in the last bits of the sum."""
EXPONENT_BIAS: Final = 1023
SQRT_HALF_BITS: Final = 0x3FE6A09E667F3BCD
ONE_BITS: Final = 0x3FF0000000000000
ROUNDER_BITS: Final = 0x4338000000000000
FRACTION: Final = 0x000FFFFFFFFFFFFF
ERFCX_SCALE: Final = 3.75
FARTHEST: Final = 37.5
"""Deviations beyond which the normal density is taken to be zero; there it is below 1e-305."""
LEAST: Final = 1e-300
SQRT_HALF: Final = 0.7071067811865476
INVERSE_SQRT_2PI: Final = 0.3989422804014327

EXP: Final = tuple(1.0 / math.factorial(n) for n in range(13, -1, -1))
ATANH: Final = tuple(2.0 / (2 * n + 1) for n in range(10, -1, -1))
ERFCX_CHEBYSHEV: Final = (
    1.1775789345674017, -0.004590054580646478, -0.08424913336651792, 0.05920993999819189,
    -0.026658668435305753, 0.009074997670705265, -0.002413163540417608, 0.0004907758365258086,
    -6.916973302501207e-05, 4.13902798607301e-06, 7.74038306619849e-07, -2.1886401049234397e-07,
    1.076499946567091e-08, 4.521959811218287e-09, -7.754400208831351e-10, -6.318088340886684e-11,
    2.86879501093067e-11, 1.9455868545777347e-13, -9.65469674843344e-13, 3.25254814814874e-14,
    3.3478119482868056e-14, -1.864562880419313e-15, -1.2507950530688648e-15, 7.418235256624044e-17,
)  # fmt: skip
"""(1 + 2z) e^(z²) erfc(z) in t = (z − 3.75)/(z + 3.75) (Shepherd, Laframboise 1981, table 1)."""
ERFCX: Final = tuple(np.polynomial.chebyshev.cheb2poly(ERFCX_CHEBYSHEV)[::-1].tolist())
ERFCX_UPPER, ERFCX_LOWER = ERFCX[:12], ERFCX[12:]

inlined = njit(inline="always", error_model="numpy")
compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


def delta_gamma(
    book: Liability, forward: Numbers, strike: Numbers, time: Numbers, vol: Numbers, rate: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Return the book's ∂value/∂forward and ∂²value/∂forward², see `book.delta` and `book.gamma`.

    Examples
    --------
    >>> delta, gamma = delta_gamma(Liability.of("straddle", "short"), 100.0, 100.0, 30 / 365, 0.2)
    >>> round(float(delta), 5), round(float(gamma), 5)
    (-0.02287, -0.1391)
    """
    calls, puts = (sum(leg.quantity for leg in book.legs if leg.right == right) for right in ("call", "put"))
    inputs = (calls, puts, forward, strike, time, vol)
    shape = np.broadcast_shapes(*(np.shape(each) for each in inputs))
    delta, gamma = np.empty(shape), np.empty(shape)
    _delta_gamma(*(flat(each, shape) for each in inputs), rate, delta.reshape(-1), gamma.reshape(-1))
    return delta, gamma


def cube_root(values: FloatArray) -> FloatArray:
    """Return the cube root of values that are not negative; NaN stays NaN, what is below 1e-300 is zero.

    Examples
    --------
    >>> cube_root(np.array([0.0, 8.0, 0.125])).round(12)
    array([0. , 2. , 0.5])
    """
    root = np.empty(np.shape(values))
    _cube_root(flat(values, root.shape), root.reshape(-1))
    return root


def flat(values: Numbers, shape: tuple[int, ...]) -> FloatArray:
    """Return values, broadcast to a shape, as one run of numbers."""
    return np.ascontiguousarray(np.broadcast_to(np.asarray(values, dtype=np.float64), shape)).reshape(-1)


@inlined  # type: ignore[untyped-decorator]
def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    value = coefficients[0]
    for place in range(1, len(coefficients)):
        value = value * x + coefficients[place]
    return value


@inlined  # type: ignore[untyped-decorator]
def _exp(x: Any) -> Any:
    """Return e^x for x ≤ 700: 2ⁿ times a Taylor polynomial of what is left, |r| ≤ ln 2 / 2."""
    x = -708.0 if x < -708.0 else x
    shifted = x * LOG2E + ROUNDER
    whole = shifted - ROUNDER
    rest = (x - whole * LN2_HIGH) - whole * LN2_LOW
    power = (np.float64(shifted).view(np.int64) + EXPONENT_BIAS) << 52
    return _polynomial(EXP, rest) * np.int64(power).view(np.float64)


@inlined  # type: ignore[untyped-decorator]
def _log(x: Any) -> Any:
    """Return ln x for normal x > 0: n ln 2 + 2 artanh((m − 1)/(m + 1)), m in [√½, √2)."""
    bits = np.float64(x).view(np.int64) + (ONE_BITS - SQRT_HALF_BITS)
    power = np.int64(((bits >> 52) & 0xFFF) + (ROUNDER_BITS - EXPONENT_BIAS)).view(np.float64) - ROUNDER
    mantissa = np.int64((bits & FRACTION) + SQRT_HALF_BITS).view(np.float64)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    return power * LN2_HIGH + (s * _polynomial(ATANH, s * s) + power * LN2_LOW)


@inlined  # type: ignore[untyped-decorator]
def _erfcx(z: Any) -> Any:
    """Return e^(z²) erfc(z) for z ≥ 0."""
    t = (z - ERFCX_SCALE) / (z + ERFCX_SCALE)
    t4 = (t * t) * (t * t)
    return (_polynomial(ERFCX_UPPER, t) * (t4 * t4 * t4) + _polynomial(ERFCX_LOWER, t)) / (1.0 + 2.0 * z)


@compiled  # type: ignore[untyped-decorator]
def _delta_gamma(
    calls: FloatArray,
    puts: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    time: FloatArray,
    vol: FloatArray,
    rate: float,
    delta: FloatArray,
    gamma: FloatArray,
) -> None:
    bought, sold, level, ratio = np.ones(BLOCK), np.ones(BLOCK), np.ones(BLOCK), np.ones(BLOCK)
    spread, decay, d1, bell = np.ones(BLOCK), np.zeros(BLOCK), np.ones(BLOCK), np.ones(BLOCK)
    for start in range(0, delta.size, BLOCK):
        count = min(BLOCK, delta.size - start)
        for i in range(count):
            bought[i], sold[i], level[i] = calls[start + i], puts[start + i], forward[start + i]
        for i in range(count):
            ratio[i] = forward[start + i] / strike[start + i]
        for i in range(count):
            spread[i] = vol[start + i] * math.sqrt(time[start + i])
        for i in range(BLOCK):
            nothing = ratio[i] - ratio[i]  # NaN where the ratio is, else zero
            d1[i] = (_log(ratio[i]) + nothing) / max(spread[i], LEAST) + 0.5 * spread[i]
        for i in range(BLOCK):
            far = abs(d1[i])
            bell[i] = 0.0 if far > FARTHEST else _exp(-0.5 * far * far)
            far = FARTHEST if far > FARTHEST else far
            tail = 0.5 * bell[i] * _erfcx(far * SQRT_HALF)
            above = 1.0 - tail if d1[i] > 0.0 else tail
            below = tail if d1[i] > 0.0 else 1.0 - tail
            ratio[i] = bought[i] * above - sold[i] * below
        for i in range(BLOCK):
            slope = bell[i] * INVERSE_SQRT_2PI / (level[i] * max(spread[i], LEAST))
            bell[i] = (bought[i] + sold[i]) * (slope if spread[i] > 0.0 else spread[i])
        if rate != 0.0:
            for i in range(count):
                decay[i] = -rate * time[start + i]
            for i in range(BLOCK):
                decay[i] = _exp(decay[i])
                ratio[i] *= decay[i]
                bell[i] *= decay[i]
        for i in range(count):
            delta[start + i] = ratio[i]
            gamma[start + i] = bell[i]


@compiled  # type: ignore[untyped-decorator]
def _cube_root(values: FloatArray, root: FloatArray) -> None:
    block = np.ones(BLOCK)
    for start in range(0, root.size, BLOCK):
        count = min(BLOCK, root.size - start)
        for i in range(count):
            block[i] = values[start + i]
        for i in range(BLOCK):
            found = _exp(_log(block[i]) / 3.0)
            block[i] = found if block[i] > LEAST else block[i] * 0.0
        for i in range(count):
            root[start + i] = block[i]
