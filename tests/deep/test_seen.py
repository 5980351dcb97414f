"""What networks see, by hand, and that nothing but the trap looks ahead."""

import numpy as np
import pytest
import torch

from pipeline.deep.seen import SEEN, Market, seen


def market(spot):
    spot = torch.tensor(spot, dtype=torch.float64)
    return Market(spot, torch.full_like(spot, 0.04), torch.zeros_like(spot))


def test_a_path_by_hand():
    names = ("left", "level", "standing", "return", "size", "volatility", "highest", "tomorrow")
    found = dict(zip(names, seen(names, market([[100.0, 110.0, 99.0]]))[0].T.numpy(), strict=True))
    up, down = np.log(1.1), np.log(0.9)
    expected = {
        "left": [1.0, 0.5**0.5], "level": [0.0, up], "standing": [0.0, up * 2**0.5], "return": [0.0, up],
        "size": [0.0, up], "volatility": [0.2, 0.2], "highest": [0.0, up], "tomorrow": [up, down],
    }  # fmt: skip
    for name, column in expected.items():
        np.testing.assert_allclose(found[name], column, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", sorted(SEEN))
def test_only_the_trap_sees_what_comes(name):
    spot = 100.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.02, (5, 8)), axis=1))
    other = spot.copy()
    other[:, 5:] *= 1.3
    same = torch.equal(*(seen((name,), market(paths))[:, :5] for paths in (spot, other)))
    assert same is (name != "tomorrow")
