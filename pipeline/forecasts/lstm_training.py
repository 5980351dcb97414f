"""Training of the networks that correct a linear forecast; the only part of them that needs PyTorch.

Networks are trained in single precision, for which PyTorch has a fast path; losses add up in double.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.lstm_settings import LstmSettings
from pipeline.forecasts.lstm_network import FARTHEST, LstmNetwork

if find_spec("torch") is None:
    raise SettingsError("forecasts.lstm needs PyTorch, an extra: pip install 'regime-hedge[deep]'")

import torch
from torch import Tensor, nn

HELD_OUT = 0.2
"""Share of the training rows, the newest, that say when to stop."""
PATIENCE = 30
"""Passes without a gain after which training stops."""
PENALTY = 300.0
"""Rows on which the linear model is right that are added for every h², see `learn`."""


@dataclass(frozen=True)
class _Stretches:
    """Rows in overlapping stretches, [N, 2L, …]: what is read, y/ŷ of the linear model, which rows count."""

    rows: Tensor
    ratio: Tensor
    learned: Tensor
    held: Tensor


def learn(
    rows: FloatArray, start: FloatArray, y: FloatArray, horizon: int, settings: LstmSettings, seed: int
) -> LstmNetwork:
    r"""Train networks to correct a linear forecast ŷ = exp(start): the new one is exp(start + a).

    .. math:: \min\ \tfrac{1}{n} \sum_t \big(y_t / \hat y_t\, e^{-a_t} + a_t\big)
        + \tfrac{300 h^2}{2 n^2} \sum_t a_t^2

    The first part is QLIKE up to a constant. Its curvature in a is one a row, so the second is that of 300 h²
    further rows on which the linear model is right: targets over h rows that start every row say the same
    h-fold, as for the trees (`boosted.tree_parameters`). Untrained a is zero.

    The rows are read in stretches of 2L, each half a stretch after the one before; only the second half
    counts, so that a network has read L rows before it is asked (all of the first stretch count). The newest
    fifth of the training rows is held out, less the h rows whose targets run into it, and the weights are
    those with the least loss there; the linear model itself if none has less.

    Parameters
    ----------
    rows : [T, F] inputs of all training rows in the order of time; NaN counts as the mean.
    start : [T] log ŷ of the linear model; NaN where it has none.
    y : [T] targets; NaN where unknown.
    horizon : h, rows that a target covers.
    settings, seed : size, and what every network's random start is drawn from.

    References
    ----------
    Kapturowski et al. (2019), Recurrent experience replay, section 3, for stretches that warm a memory up.
    """
    mean, rate = scaling(rows)
    stretches = _cut(standardised(rows, mean, rate), start, y, horizon, settings.steps)
    with _one_thread():
        nets = [_trained(stretches, horizon, settings, seed + k) for k in range(settings.networks)]
    return LstmNetwork(mean, rate, *(np.stack(each) for each in zip(*map(_plain, nets), strict=True)))


def scaling(inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means and inverse deviations of columns [T, K]; both 0 where nothing is known or moves.

    Examples
    --------
    >>> scaling(np.array([[1.0, 7.0], [3.0, 7.0], [np.nan, np.nan]]))
    (array([2., 0.]), array([1., 0.]))
    """
    mean, rate = np.zeros(inputs.shape[1]), np.zeros(inputs.shape[1])
    for j, column in enumerate(inputs.T):
        known = column[np.isfinite(column)]
        if len(known) and known.min() < known.max():
            mean[j], rate[j] = known.mean(), 1.0 / known.std()
    return mean, rate


def standardised(inputs: FloatArray, mean: FloatArray, rate: FloatArray) -> FloatArray:
    """Return columns [T, K] less their means times the inverse deviations, cut; 0 where missing.

    Examples
    --------
    >>> standardised(np.array([[3.0], [99.0], [np.nan]]), np.array([1.0]), np.array([0.5])).ravel()
    array([1., 5., 0.])
    """
    return np.nan_to_num(np.clip((inputs - mean) * rate, -FARTHEST, FARTHEST), nan=0.0)


class _Corrector(nn.Module):
    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, units, batch_first=True)
        self.last = nn.Linear(units, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, rows: Tensor) -> Tensor:
        """Return the answers [N, T] to rows [N, T, F]."""
        answers: Tensor = self.last(self.lstm(rows)[0])
        return answers.squeeze(-1).double()


def _cut(rows: FloatArray, start: FloatArray, y: FloatArray, horizon: int, steps: int) -> _Stretches:
    total = len(rows)
    begins = np.arange(0, max(total - steps, 1), steps)
    places = begins[:, None] + np.arange(2 * steps)
    counted = places < total
    counted[1:, :steps] = False
    places = np.minimum(places, total - 1)
    usable = np.isfinite(start) & np.isfinite(y)
    counted &= usable[places]
    held_from = total - int(HELD_OUT * total)
    ratio = np.zeros(total)
    ratio[usable] = y[usable] * np.exp(-start[usable])

    def tensor(array: FloatArray | NDArray[np.bool_]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array))

    return _Stretches(
        tensor(rows[places]).float(),
        tensor(ratio[places]),
        tensor(counted & (places < held_from - horizon)),
        tensor(counted & (places >= held_from)),
    )


def _trained(cut: _Stretches, horizon: int, settings: LstmSettings, seed: int) -> _Corrector:
    torch.manual_seed(seed)
    net = _Corrector(cut.rows.shape[-1], settings.units)
    optimiser = torch.optim.Adam(net.parameters(), lr=settings.learning_rate)
    shrink = 0.5 * PENALTY * horizon**2 / max(int(cut.learned.sum()), 1)
    least, kept, since = np.inf, _weights(net), 0
    for _ in range(settings.passes):
        answer = net(cut.rows)
        loss = cut.ratio * torch.exp(-answer) + answer
        held = loss[cut.held].mean().item()
        if held < least:
            least, since = held, 0
            kept = _weights(net)
        elif (since := since + 1) >= PATIENCE:
            break
        optimiser.zero_grad()
        torch.autograd.backward([loss[cut.learned].mean() + shrink * answer[cut.learned].square().mean()])
        optimiser.step()
    net.load_state_dict(kept)
    return net


def _weights(net: _Corrector) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def _plain(net: _Corrector) -> tuple[np.ndarray, ...]:
    value = {name: each.double().numpy() for name, each in net.state_dict().items()}
    return (
        value["lstm.weight_ih_l0"].T,
        value["lstm.weight_hh_l0"].T,
        value["lstm.bias_ih_l0"] + value["lstm.bias_hh_l0"],
        value["last.weight"][0],
        value["last.bias"][0],
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Add up in one order, whatever the number of cores, and leave PyTorch's own random numbers alone."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(before)
