"""Delta and gamma of calls and puts in one pass, with one exponential and no branch, for large batches.

The same numbers as `pricing.book` gives (its twin in the tests), several times as fast: the loops run over
blocks of fixed length, so that the compiler turns them into vector instructions and every element gets the
same bits wherever it stands in an array.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numba import njit

from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.kept import kept
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
LEAST_SPREAD: Final = 1e-150
"""Standard deviations below it are none; its inverse over a price is still a number."""
SQRT_HALF: Final = 0.7071067811865476
INVERSE_SQRT_2PI: Final = 0.3989422804014327
NOTHING: Final = np.empty((0, BLOCK))
"""In the place of gamma where it is not asked for."""

EXP: Final = (
    2.510038549551032e-08, 2.7620088445409746e-07, 2.7557268459997064e-06, 2.4801521295954376e-05,
    0.00019841269863053618, 0.0013888888917213717, 0.008333333333330062, 0.04166666666662413,
    0.16666666666666669, 0.5000000000000001, 1.0, 1.0,
)  # fmt: skip
"""1 + r + r² q(r), where q meets (e^r − 1 − r)/r² at the Chebyshev points of |r| ≤ ln 2 / 2: within 2e-17."""
ATANH: Final = (
    0.14616585424888623, 0.15331710618210773, 0.18182889455674947, 0.22222211130259878,
    0.2857142862600327, 0.39999999999899444, 0.666666666666667, 2.0,
)  # fmt: skip
"""2 artanh(s)/s in s², met at the Chebyshev points of |s| ≤ 3 − 2√2: within 5e-18."""
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
ROOT_START: Final = float(0x553EF0FF)
"""Less a third of the upper half of x's bits it is that half of x^(−1/3), within 4 %: a line for log₂."""
ROOT_FAR: Final = (91 / 729, 35 / 243, 14 / 81, 2 / 9, 1 / 3, 1.0)
ROOT_NEAR: Final = (2 / 9, 1 / 3, 1.0)
"""(1 − e)^(−1/3) by its Taylor series, for |e| below .12 and below 1e-6."""

inlined = njit(inline="always", error_model="numpy")
compiled = kept(nogil=True, error_model="numpy", fastmath={"contract"})


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
    inputs = (*_quantities(book), forward, strike, time, vol, -rate)
    shape = np.broadcast_shapes(*(np.shape(each) for each in inputs))
    delta, gamma = np.empty(shape), np.empty(shape)
    _by_block(_delta_gamma, inputs, (delta, gamma))
    return delta, gamma


def delta(
    book: Liability, forward: Numbers, strike: Numbers, time: Numbers, vol: Numbers, rate: float = 0.0
) -> FloatArray:
    """Return the book's ∂value/∂forward, the same bits as `delta_gamma` has.

    Examples
    --------
    >>> delta(Liability.of("call", "long"), 100.0, 100.0, 30 / 365, 0.2).round(5).item()
    0.51144
    """
    inputs = (*_quantities(book), forward, strike, time, vol, -rate)
    slope = np.empty(np.broadcast_shapes(*(np.shape(each) for each in inputs)))
    _by_block(_delta, inputs, (slope,))
    return slope


def _quantities(book: Liability) -> list[Numbers]:
    """Return the net quantities of calls and of puts."""
    return [sum(leg.quantity for leg in book.legs if leg.right == right) for right in ("call", "put")]


def _delta(*inputs_and_delta: FloatArray) -> None:
    _delta_gamma(*inputs_and_delta, NOTHING)


def cube_root(values: FloatArray) -> FloatArray:
    """Return the cube root of values that are not negative; NaN stays NaN, what is below 1e-300 is zero.

    Examples
    --------
    >>> cube_root(np.array([0.0, 8.0, 0.125])).round(12)
    array([0. , 2. , 0.5])
    """
    root = np.empty(np.shape(values))
    _by_block(_cube_root, (values,), (root,))
    return root


def _by_block(work: Callable[..., None], inputs: Sequence[Numbers], outputs: Sequence[FloatArray]) -> None:
    """Call `work` with inputs and outputs in blocks, [B, BLOCK], or [1, BLOCK] for one number throughout.

    A loop that is never shorter than a block has no remainder, whose instructions could be others. So the
    last block of an array begins where it has to, among numbers that are there already, and comes to the same
    ones; what is smaller than a block is filled up to one.
    """
    shape, size = outputs[0].shape, outputs[0].size
    runs = [_run(each, shape) for each in inputs]
    if size < BLOCK:
        made = [np.empty((1, BLOCK)) for _ in outputs]
        if size:
            work(*map(_filled_up, runs), *made)
        for output, block in zip(outputs, made, strict=True):
            output.reshape(-1)[:] = block[0, :size]
        return
    runs += [each.reshape(-1) for each in outputs]
    whole = size - size % BLOCK
    for part in (slice(0, whole), slice(size - BLOCK, size))[: 1 + (whole < size)]:
        work(*(each if each.ndim == 2 else each[part].reshape(-1, BLOCK) for each in runs))


def _run(values: Numbers, shape: tuple[int, ...]) -> FloatArray:
    """Return values, broadcast to a shape, as one run of numbers; one number throughout as a block of it."""
    own = np.asarray(values, dtype=np.float64)
    if own.shape != shape:
        own = np.broadcast_to(own, shape)
    if own.size and not any(own.strides):
        return np.full((1, BLOCK), own.flat[0])
    return np.ascontiguousarray(own).reshape(-1)


def _filled_up(values: FloatArray) -> FloatArray:
    """Return a run that is shorter than a block as a block, filled up with its last number."""
    if values.ndim == 2:
        return values
    block = np.full((1, BLOCK), values[-1])
    block[0, : len(values)] = values
    return block


@inlined  # type: ignore[untyped-decorator]
def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    """Return Σ cᵢ xⁿ⁻ⁱ, in four short chains instead of a long one: a processor works on them at once."""
    squared = x * x
    fourth = squared * squared
    a, b, c, d = coefficients[0], coefficients[1], coefficients[2], coefficients[3]
    for place in range(4, len(coefficients), 4):
        a = a * fourth + coefficients[place]
        b = b * fourth + coefficients[place + 1]
        c = c * fourth + coefficients[place + 2]
        d = d * fourth + coefficients[place + 3]
    return (a * x + b) * squared + (c * x + d)


@inlined  # type: ignore[untyped-decorator]
def _short_polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    value = coefficients[0]
    for place in range(1, len(coefficients)):
        value = value * x + coefficients[place]
    return value


@inlined  # type: ignore[untyped-decorator]
def _exp(x: Any) -> Any:
    """Return e^x for x ≤ 700: 2ⁿ times a polynomial of what is left, |r| ≤ ln 2 / 2."""
    x = -708.0 if x < -708.0 else x
    shifted = x * LOG2E + ROUNDER
    whole = shifted - ROUNDER
    rest = (x - whole * LN2_HIGH) - whole * LN2_LOW
    power = (np.float64(shifted).view(np.int64) + EXPONENT_BIAS) << 52
    return _polynomial(EXP, rest) * np.int64(power).view(np.float64)


@inlined  # type: ignore[untyped-decorator]
def _split(x: Any) -> Any:
    """Return n and m in [√½, √2) with x = m 2ⁿ, for normal x > 0."""
    bits = np.float64(x).view(np.int64) + (ONE_BITS - SQRT_HALF_BITS)
    power = np.int64(((bits >> 52) & 0xFFF) + (ROUNDER_BITS - EXPONENT_BIAS)).view(np.float64) - ROUNDER
    return power, np.int64((bits & FRACTION) + SQRT_HALF_BITS).view(np.float64)


@inlined  # type: ignore[untyped-decorator]
def _erfcx(z: Any) -> Any:
    """Return e^(z²) erfc(z) for z ≥ 0; one division serves for both denominators."""
    shifted, below = z + ERFCX_SCALE, 1.0 + 2.0 * z
    inverse = 1.0 / (shifted * below)
    return _polynomial(ERFCX, (z - ERFCX_SCALE) * (below * inverse)) * (shifted * inverse)


@compiled
def _delta_gamma(
    calls: FloatArray,
    puts: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    time: FloatArray,
    vol: FloatArray,
    growth: FloatArray,
    delta: FloatArray,
    gamma: FloatArray,
) -> None:
    """Write delta and gamma, [B, BLOCK]; inputs are [B, BLOCK] or [1, BLOCK], `growth` is minus the rate.

    A `gamma` without blocks is not written.

    With x = ln(F/K)/s + s/2 and ln(F/K) = n ln 2 + 2 artanh((m − 1)/(m + 1)), the divisions by m + 1, by s
    and by F are one.
    """
    spread, d1, bell, tail = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for b in range(len(delta)):
        call, put = min(b, len(calls) - 1), min(b, len(puts) - 1)
        level, at = min(b, len(forward) - 1), min(b, len(strike) - 1)
        left, sigma = min(b, len(time) - 1), min(b, len(vol) - 1)
        for i in range(BLOCK):
            spread[i] = vol[sigma, i] * math.sqrt(time[left, i])
        for i in range(BLOCK):
            ratio = forward[level, i] / strike[at, i]
            power, m = _split(ratio)
            broad = max(spread[i], LEAST_SPREAD) * forward[level, i]
            inverse = 1.0 / ((m + 1.0) * broad)
            s = (m - 1.0) * (broad * inverse)
            log = power * LN2_HIGH + (s * _polynomial(ATANH, s * s) + power * LN2_LOW)
            slope = (m + 1.0) * inverse  # 1/(F s)
            nothing = ratio - ratio  # NaN where the ratio is, else zero
            d1[i] = (log + nothing) * (slope * forward[level, i]) + 0.5 * spread[i]
            tail[i] = slope if spread[i] > 0.0 else spread[i]
        for i in range(BLOCK):
            far = abs(d1[i])
            bell[i] = 0.0 if far > FARTHEST else _exp(-0.5 * far * far)
        if len(gamma):
            for i in range(BLOCK):
                gamma[b, i] = (calls[call, i] + puts[put, i]) * (bell[i] * INVERSE_SQRT_2PI * tail[i])
        for i in range(BLOCK):
            far = abs(d1[i])
            far = FARTHEST if far > FARTHEST else far
            tail[i] = 0.5 * bell[i] * _erfcx(far * SQRT_HALF)
        for i in range(BLOCK):
            above = 1.0 - tail[i] if d1[i] > 0.0 else tail[i]
            below = tail[i] if d1[i] > 0.0 else 1.0 - tail[i]
            delta[b, i] = calls[call, i] * above - puts[put, i] * below
        if growth[0, 0] != 0.0:
            for i in range(BLOCK):
                decay = _exp(growth[0, 0] * time[left, i])
                delta[b, i] *= decay
                if len(gamma):
                    gamma[b, i] *= decay


@compiled
def _cube_root(values: FloatArray, root: FloatArray) -> None:
    """Write x · (x^(−1/3))², the root inside by two steps from a guess at its exponent."""
    for b in range(len(root)):
        for i in range(BLOCK):
            x = values[b, i]
            half = ((np.float64(x).view(np.int64) >> 32) & 0x7FFFFFFF) + ROUNDER_BITS
            start = (ROOT_START - (np.int64(half).view(np.float64) - ROUNDER) * (1.0 / 3.0)) + ROUNDER
            r = np.int64(np.float64(start).view(np.int64) << 32).view(np.float64)
            r *= _short_polynomial(ROOT_FAR, 1.0 - (x * r) * (r * r))
            r *= _short_polynomial(ROOT_NEAR, 1.0 - (x * r) * (r * r))
            root[b, i] = (x * r) * r if x > LEAST else x * 0.0
