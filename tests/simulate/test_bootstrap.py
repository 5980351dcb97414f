import numpy as np
import pytest

from pipeline.domain.errors import SettingsError
from pipeline.simulate.bootstrap import StationaryBootstrap
from pipeline.simulate.noise import draws

HISTORY = np.random.default_rng(3).standard_t(4, 300) * 0.01
MARKET = StationaryBootstrap(
    history=tuple(HISTORY.tolist()), variances=tuple(np.arange(300.0).tolist()), mean_block=10.0
)


def test_the_kernel_is_its_plain_twin():
    noise = draws(7, first=0, steps=60)[:, 0]
    fair = HISTORY - np.log(np.exp(HISTORY).mean())
    position, logs, spots, rows = np.zeros(256, dtype=int), np.zeros(256), [np.full(256, 100.0)], []
    for t, (_, _, fresh, where) in enumerate(noise):
        new = np.full(256, True) if t == 0 else fresh < 0.1
        position = np.where(new, (where * 300).astype(int), (position + 1) % 300)
        logs = logs + fair[position]
        spots.append(100.0 * np.exp(logs))
        rows.append(position)
    rows.append((position + 1) % 300)
    found = MARKET.simulate(paths=256, steps=60, dt=1 / 252, seed=7)
    np.testing.assert_allclose(found.spot, np.stack(spots, axis=1), rtol=1e-12)
    np.testing.assert_array_equal(found.variance, np.stack(rows, axis=1))


def test_a_step_is_a_fair_game_and_every_return_is_as_likely():
    found = MARKET.simulate(paths=60_000, steps=8, dt=1 / 252, seed=3)
    gross = found.spot[:, 1:] / found.spot[:, :-1]
    for t in (0, 7):
        assert abs(gross[:, t].mean() - 1.0) < 3 * gross[:, t].std() / np.sqrt(len(gross))
        seen = np.bincount(found.variance[:, t].astype(int), minlength=300)
        assert ((seen - 200) ** 2 / 200).sum() < 299 + 4 * np.sqrt(2 * 299)


def test_blocks_have_their_mean_length():
    rows = MARKET.simulate(paths=2_000, steps=200, dt=1 / 252, seed=3).variance[:, :-1]
    broken = ((np.diff(rows, axis=1) % 300) != 1).mean()
    exact = 0.1 * 299 / 300
    assert broken == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / rows[:, 1:].size))


def test_without_variances_they_are_not_known():
    found = StationaryBootstrap(history=(0.01, -0.01)).simulate(paths=2, steps=2, dt=1 / 252, seed=1)
    assert np.isnan(found.variance).all()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"history": (0.01,)}, "at least 2"),
        ({"history": (0.01, np.nan, 0.0)}, r"return \[1\] is not finite"),
        ({"mean_block": 0.5}, "give 1 or more"),
        ({"variances": (0.1,)}, "1 variances for 2 returns"),
    ],
)
def test_what_cannot_be_is_refused(fault, said):
    with pytest.raises(SettingsError, match=said):
        StationaryBootstrap(**({"history": (0.01, -0.01)} | fault))
