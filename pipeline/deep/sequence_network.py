"""A network that answers along whole paths: plain or recurrent, with a band, a position or a trade."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.deep.band_network import near, placed, quickened
from pipeline.deep.hedging import Decide
from pipeline.deep.learner import Learner
from pipeline.domain.errors import SettingsError

Answer = Literal["band", "position", "from_held"]
NO_PRIOR = 0.02
"""Half-width that a band without a prior starts from."""
PACE = 3.0
"""Logit of the speed that a paced band starts from: 95 % of the way in one step."""


@dataclass(frozen=True)
class Shape:
    """What kind of network learns.

    Attributes
    ----------
    answer : "band", a no-trade band for each instrument; "position", a position that does not look at the one
        held; "from_held", one that does.
    recurrent : units of a GRU that reads what is seen from the start until now; 0 is none.
    hears : how many of the columns, the first ones, the GRU reads; None is all of them.
    near : whether a band stays near its prior, as `policies.network_band` does, or a position inside its
        range, as `policies.network_position` does.
    most : bound on the size of a position; the answer is squeezed by it. Infinite is none.
    paced : whether a band also learns how much of the way to its edge is gone in one step.

    Raises
    ------
    SettingsError
        Units are negative, the bound is not positive, or what is no band is paced or near.
    """

    answer: Answer = "band"
    recurrent: int = 0
    most: float = float("inf")
    paced: bool = False
    hears: int | None = None
    near: bool = False

    def __post_init__(self) -> None:
        if self.recurrent < 0 or not self.most > 0.0:
            raise SettingsError(f"{self}: give 0 units or more, and a positive bound")
        if (self.paced and self.answer != "band") or (self.near and self.answer == "from_held"):
            raise SettingsError(f"{self}: only a band is paced, only a band or position near its prior")

    @property
    def answers(self) -> int:
        """Numbers that are answered for each instrument."""
        return (3 if self.paced else 2) if self.answer == "band" else 1


class SequenceNetwork(Learner):
    """Answers at all times of a path from what was seen until then.

    The columns seen stay within what training saw of each, for a network knows nothing beyond, and are
    standardised; a GRU, where there is one, reads them in order; layers with
    x ↦ x/(1 + e^(−x)) between them read its state and the columns. A band is m + a ± h e^b around a prior
    m ± h, or near it m + 1.5 h tanh a ± h 4^(tanh b), and a position is a, with (a, b) the last layer's
    answer; a paced band goes 1/(1 + e^(−3 − c)) of the way to its edge in a step, c its third number, or as
    far as the pace of a prior, where there is one, does in 4^(tanh c) steps. Where
    that starts at zero the untrained network is the prior, or holds nothing; but nobody learns from a band
    that is never left, so that one without a prior starts at random.

    Parameters
    ----------
    seen : columns F. instruments : H. hidden : units of the layers. shape : see `Shape`.
    starts_idle : whether the last layer starts at zero.

    References
    ----------
    Imaki et al. (2021) for the band; Cho et al. (2014) for the GRU; Buehler et al. (2019), section 4, for
    networks that look at the position held.
    """

    mean: Tensor
    scale: Tensor
    least: Tensor
    most: Tensor

    def __init__(
        self, seen: int, instruments: int, hidden: tuple[int, ...], shape: Shape, *, starts_idle: bool = True
    ) -> None:
        super().__init__()
        self.shape, self.instruments = shape, instruments
        hears = seen if shape.hears is None else shape.hears
        self.gru = nn.GRU(hears, shape.recurrent, batch_first=True) if shape.recurrent else None
        held = instruments if shape.answer == "from_held" else 0
        sizes = (seen + shape.recurrent + held, *hidden, instruments * shape.answers)
        self.layers = nn.ModuleList(nn.Linear(into, out) for into, out in pairwise(sizes))
        for parameter in self.layers[-1].parameters() if starts_idle else ():
            nn.init.zeros_(parameter)
        bounds = {"least": -float("inf"), "most": float("inf")}
        for name, value in {"mean": 0.0, "scale": 1.0, **bounds}.items():
            self.register_buffer(name, torch.full((seen,), value, dtype=torch.float64))

    def fit_scaling(self, seen: Tensor) -> None:
        """Take mean, deviation and range from columns [M, F]; a column of one value has the scale 1."""
        self.least.copy_(seen.amin(dim=0))
        self.most.copy_(seen.amax(dim=0))
        flat = self.least == self.most
        self.mean.copy_(seen.mean(dim=0))
        self.scale.copy_(torch.where(flat, 1.0, seen.std(dim=0, correction=0)))

    def encoded(self, seen: Tensor) -> Tensor:
        """Return what the layers read of columns [N, T, F], the position held not counted."""
        values = ((seen.clamp(self.least, self.most) - self.mean) / self.scale).float()
        if self.gru is None:
            return values
        return torch.cat([self.gru(values[..., : self.gru.input_size])[0], values], dim=-1)

    def band(
        self, seen: Tensor, center: Tensor, half_width: Tensor, pace: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return lower edge, upper edge and speed [N, T, H] from centre, half-width and pace of a prior.

        There is no speed where the band is not paced: all of the way. A "position" is both edges.
        """
        if self.shape.answer == "position":
            position = placed(center, half_width, self._answer(self.encoded(seen)).double())
            return position, position, None
        shift, stretch, *quicken = self._answer(self.encoded(seen)).double().chunk(self.shape.answers, dim=-1)
        speed = None
        if quicken:
            speed = torch.sigmoid(PACE + quicken[0]) if pace is None else quickened(pace, quicken[0])
        if self.shape.near:
            return *near(center, half_width, shift, stretch), speed
        middle, half = self._bounded(center + shift), half_width * torch.exp(stretch)
        return middle - half, middle + half, speed

    def positions(self, seen: Tensor) -> Tensor:
        """Return positions [N, T, H]; for a "position"."""
        return self._bounded(self._answer(self.encoded(seen)).double())

    def decide(self, seen: Tensor) -> Decide:
        """Return the rule that goes from the position held to the next one; for "from_held"."""
        encoded = self.encoded(seen).unbind(dim=1)

        def position(t: int, held: Tensor) -> Tensor:
            return self._bounded(self._answer(torch.cat([encoded[t], held.float()], dim=-1)).double())

        return position

    def arrays(self) -> dict[str, np.ndarray]:
        """See `Learner`."""
        return {f"network.{name}": value.cpu().numpy() for name, value in self.state_dict().items()}

    def _answer(self, values: Tensor) -> Tensor:
        *layers, last = (cast(nn.Linear, layer) for layer in self.layers)
        for layer in layers:
            values = nn.functional.silu(layer(values))
        answer: Tensor = last(values)
        return answer

    def _bounded(self, position: Tensor) -> Tensor:
        most = self.shape.most
        return position if most == float("inf") else most * torch.tanh(position / most)
