"""The plain walk through the book against the compiled one, bit by bit."""

import numpy as np
import pytest

from pipeline.backtest import book_kernel
from pipeline.execution.walk import walk

LEVELS = 4


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_kernels_to_the_bit(seed):
    rng = np.random.default_rng(seed)
    compiled, plain = np.zeros((LEVELS, 3)), {}
    fills = []
    for _ in range(50):
        prices = 100.0 + 0.1 * np.cumsum(rng.integers(1, 3, LEVELS))
        prices[rng.integers(2, LEVELS + 1) :] = np.nan
        sizes = rng.integers(1, 4, LEVELS) / 10.0
        order = rng.uniform(0.01, 1.0)
        ours = book_kernel.walk(order, prices, sizes, compiled)
        filled, beyond, plain = walk(order, prices.tolist(), sizes.tolist(), plain)
        assert (filled, beyond) == ours[:2]
        assert list(plain.values()) == compiled[: len(plain), book_kernel.TAKEN].tolist()
        fills.append(filled < order)
    assert any(fills)
    assert not all(fills)


def test_levels_out_of_reach_keep_what_was_taken_of_them():
    _, _, taken = walk(3.0, [100.0, 101.0], [2.0, 2.0], {})
    filled, _, after = walk(1.0, [100.0, 101.0], [2.0, 2.0], taken, reach=1)
    assert filled == 0.0
    assert after == taken
