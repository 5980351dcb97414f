"""Blocks of rows: every row once, the same blocks on any number of cores, and faults that come through."""

import numpy as np
import pytest

from pipeline.domain import rows
from pipeline.domain.rows import in_blocks, is_large


@pytest.mark.parametrize("size", [1, 7_999, 8_000, 20_011])
def test_every_row_is_worked_on_once(size):
    seen = np.zeros(size, dtype=int)

    def work(block):
        seen[block] += 1

    in_blocks(size, 33, work)
    assert (seen == 1).all()
    assert is_large(20_011, 33)
    assert not is_large(1, 33)


def test_the_blocks_do_not_depend_on_the_number_of_cores(monkeypatch):
    def blocks(cores):
        monkeypatch.setattr(rows.os, "sched_getaffinity", lambda _: set(range(cores)))
        seen = []
        in_blocks(30_000, 30, seen.append)
        return sorted(seen, key=lambda block: block.start)

    assert blocks(1) == blocks(2) == blocks(7)


def test_a_fault_in_a_block_is_raised():
    def work(block):
        if block.start > 1_000:
            raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        in_blocks(30_000, 30, work)
