import numpy as np
import pytest
from scipy import stats

from pipeline.domain.errors import SettingsError
from pipeline.simulate.noise import LANES, draws, words

MASK = np.uint64(0xFFFFFFFF)
PUBLISHED = {
    ((0, 0, 0, 0), (0, 0)): (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2): (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)): (
        0xD16CFE09,
        0x94FDCCEB,
        0x5001E420,
        0x24126EA1,
    ),
}
"""Known answers of the authors' own implementation for philox4x32-10 (Random123, kat_vectors)."""


@pytest.mark.parametrize(("given", "answer"), PUBLISHED.items())
def test_known_answers(given, answer):
    (a, b, c, d), (key, other) = given
    found = words(np.uint64(key | other << 32), np.uint64(a | b << 32), np.uint64(c), np.uint64(d))
    assert tuple(int(word) for word in found) == answer


def in_numpy(seed, first, steps, blocks):
    """The generator on whole arrays, the normals by NumPy's own functions."""
    path = np.uint64(first) + np.arange(LANES, dtype=np.uint64)
    step = np.arange(steps, dtype=np.uint64)[:, None, None]
    block = np.arange(blocks, dtype=np.uint64)[None, :, None]
    shape = (steps, blocks, LANES)
    a, b = np.broadcast_to(path & MASK, shape), np.broadcast_to(path >> np.uint64(32), shape)
    c, d = np.broadcast_to(step, shape), np.broadcast_to(block, shape)
    key, other = np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)
    for _ in range(10):
        left, right = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b = (right >> np.uint64(32)) ^ b ^ key, right & MASK
        c, d = (left >> np.uint64(32)) ^ d ^ other, left & MASK
        key, other = (key + np.uint64(0x9E3779B9)) & MASK, (other + np.uint64(0xBB67AE85)) & MASK
    radius = np.sqrt(-2.0 * np.log((a + 0.5) / 2.0**32))
    angle = 2.0 * np.pi * b / 2.0**32
    uniform = [(word + 0.5) / 2.0**32 for word in (c, d)]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), *uniform], axis=2)


@pytest.mark.parametrize("seed", [0, 7, 2**63 + 12345])
def test_the_kernel_is_its_plain_twin(seed):
    first = 2**32 - 100
    plain = in_numpy(seed, first, steps=20, blocks=2)
    np.testing.assert_allclose(draws(seed, first=first, steps=20, blocks=2), plain, rtol=1e-13, atol=3e-15)


def test_the_numbers_are_what_they_are_called():
    found = np.concatenate([draws(3, first=LANES * k, steps=100) for k in range(8)], axis=3)[:, 0]
    for row, law in ((0, "norm"), (1, "norm"), (2, "uniform"), (3, "uniform")):
        assert stats.kstest(found[:, row].ravel(), law).pvalue > 1e-3
    flat = found.transpose(1, 0, 2).reshape(4, -1)
    others = np.vstack([flat[:, :-1], flat[:, 1:]])
    seen = np.corrcoef(others) - np.eye(8)
    assert np.abs(seen).max() < 4.5 / np.sqrt(flat.shape[1])


def test_neighbouring_seeds_share_nothing():
    one, other = draws(1, first=0, steps=200)[:, 0, 0].ravel(), draws(2, first=0, steps=200)[:, 0, 0].ravel()
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(one.size)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_that_cannot_be_is_refused(seed):
    with pytest.raises(SettingsError, match="seed"):
        draws(seed, first=0, steps=1)
