"""Checkpoints of trained networks: arrays and plain facts in one file, which holds nothing that runs."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from pipeline.domain.errors import StoreError
from pipeline.ingest.packing import packed, unpacked
from pipeline.policies.correction import MOST_SHIFT, MOST_STRETCH
from pipeline.policies.network import Layer, Network, layers_of, matrix, row
from pipeline.policies.network_band import INPUTS, NetworkBand
from pipeline.policies.network_position import NetworkPosition, RecurrentPosition
from pipeline.policies.network_slope import MOST_SLOPE, SLOPE_INPUTS, NetworkSlope
from pipeline.policies.recurrent_band import PATH, RecurrentBand
from pipeline.policies.recurrent_network import GRU, RecurrentNetwork

VERSION = 1
Learned = NetworkBand | RecurrentBand | NetworkPosition | RecurrentPosition | NetworkSlope
FACTS, LAYER, SCALING = "facts", "network.layer", "network.scaling"
POLICY, SEES, CHARGED, SEEN = "policy", "sees", "charged", "seen_until"
MARKET, GOES_ON = "market", "goes_on"
UNTRAINED, REACHED = "untrained", "reached"
"""Facts: the policy that it was trained as, where its arrays do not say it; what a network sees beside
`INPUTS` (`policies.engineered_state`), and what the states that it learned from have beside forecasts,
`desk_cost`, `fixed_fee` and `interval`, where no settings say it; the last day or time of the real market
that it was told of, ISO 8601, where it was told of any; what a training in simulated markets was told of the
market (`learning.known_market`), and whether it went on from another one; the validation risk of the hedger
that has learned nothing, and that of the weights that were kept, which need not be the last."""


@dataclass(frozen=True)
class Checkpoint:
    """What training left: an NPZ file without pickle, whose `facts` are JSON.

    Attributes
    ----------
    desk : hash of what it was trained for, see `of_desk`.
    facts : plain values: seed, steps, settings, history, and what the network `SEES`.
    arrays : the network's under `network.`, and whatever training needs to go on.
    """

    desk: str
    facts: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    def write(self, path: Path) -> None:
        """Write the file; what was there is there whole until the new one is."""
        about = {
            "version": VERSION,
            "meaning": _meaning(self.facts, self.arrays),
            "desk": self.desk,
            **self.facts,
        }
        content = packed({**self.arrays, FACTS: np.array(json.dumps(about))})
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        part.write_bytes(content)
        os.replace(part, path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises
        ------
        StoreError
            It is missing, damaged, or of another version of the code.
        """
        if not path.is_file():
            raise StoreError(f"{path}: no checkpoint there: train the network first")
        try:
            arrays = unpacked(path.read_bytes())
            facts = json.loads(str(arrays.pop(FACTS)))
        except (BadZipFile, ValueError, KeyError, EOFError):
            raise StoreError(f"{path}: damaged, or no checkpoint: train the network again") from None
        meaning = facts.pop("meaning", None)
        if facts.pop("version", None) != VERSION or meaning != _meaning(facts, arrays):
            raise StoreError(f"{path}: a checkpoint of another version: train the network again")
        return cls(facts.pop("desk"), facts, arrays)

    def of_desk(self, desk: str) -> Self:
        """Return the checkpoint itself, or raise where it was trained for another desk.

        Raises
        ------
        StoreError
            Naming the remedy.
        """
        if self.desk != desk:
            raise StoreError(
                "the checkpoint was trained for another desk (market, option, costs or risk differ): "
                "train a network for this one, or name another file"
            )
        return self

    @property
    def seen_until(self) -> pd.Timestamp | None:
        """The last day or time of the real market that training was told of; None where nothing says it."""
        seen = self.facts.get(SEEN)
        return pd.Timestamp(seen) if seen else None

    @property
    def gained(self) -> bool:
        """Whether what was kept has less validation risk than what learned nothing; True if none is told."""
        return bool(self.facts.get(REACHED, -inf) < self.facts.get(UNTRAINED, inf))

    def policy(self) -> Learned:
        """Return the hedger, a position where the network has one answer; nothing but NumPy is needed.

        Raises
        ------
        StoreError, PolicyError
            Arrays of the network are missing, or do not fit each other.
        """
        if _slopes(self.facts):
            return NetworkSlope(layers_of(self.arrays))
        if _recurrent(self.arrays):
            recurrent = RecurrentNetwork.of_arrays(self.arrays)
            return RecurrentPosition(recurrent) if recurrent.sizes[-1] == 1 else RecurrentBand(recurrent)
        count = sum(name.startswith(LAYER) and name.endswith(".weight") for name in self.arrays)
        try:
            layers = tuple(
                Layer(matrix(self.arrays[f"{LAYER}.{k}.weight"]), row(self.arrays[f"{LAYER}.{k}.bias"]))
                for k in range(count)
            )
            scaling = self.arrays[SCALING]
        except KeyError as missing:
            raise StoreError(f"the checkpoint lacks {missing}: train the network again") from None
        network = Network(layers, *map(row, scaling))
        if network.sizes[1] == 1:
            return NetworkPosition(network)
        return NetworkBand(network, tuple(self.facts.get(SEES, ())))


def network_arrays(network: Network) -> dict[str, np.ndarray]:
    """Return a network as a checkpoint's arrays."""
    arrays = {SCALING: np.array([network.mean, network.scale, network.low, network.high])}
    for k, layer in enumerate(network.layers):
        arrays |= {f"{LAYER}.{k}.weight": np.array(layer.weight), f"{LAYER}.{k}.bias": np.array(layer.bias)}
    return arrays


def _meaning(facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> list[Any]:
    """What a network's numbers mean: a checkpoint that means another thing is of another version."""
    if _slopes(facts):
        return [*SLOPE_INPUTS, MOST_SLOPE]
    return [*INPUTS, MOST_SHIFT, MOST_STRETCH, *(PATH if _recurrent(arrays) else ())]


def _slopes(facts: Mapping[str, Any]) -> bool:
    return facts.get(POLICY) == NetworkSlope.name


def _recurrent(arrays: Mapping[str, np.ndarray]) -> bool:
    return any(name.startswith(GRU) for name in arrays)
