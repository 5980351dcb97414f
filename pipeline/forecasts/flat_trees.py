"""The trees of a LightGBM model as a few arrays, for a compiled walk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import StoreError
from pipeline.domain.instruments import FloatArray

IntArray = NDArray[np.int64]
NodeArray = NDArray[np.int32]
"""Half as wide: a walk over all trees then finds more of them in the processor's cache."""


@dataclass(frozen=True)
class FlatTrees:
    """Trees one after another.

    Attributes
    ----------
    nodes : [n, 4] of each split the feature, LightGBM's `decision_type`, and the children: below zero a leaf.
    splits : [n] thresholds.
    leaves : [m] values.
    firsts : [trees + 1, 2] where the nodes and the leaves of each tree begin, and the ends.
    """

    nodes: NodeArray
    splits: FloatArray
    leaves: FloatArray
    firsts: IntArray

    @property
    def count(self) -> int:
        """How many trees there are."""
        return len(self.firsts) - 1

    @classmethod
    def of(cls, booster: lgb.Booster) -> Self:
        """Return the trees of a booster.

        Raises
        ------
        StoreError
            It has trees that split by category or are linear in their leaves.
        """
        trees = [_fields(text) for text in booster.model_to_string(num_iteration=-1).split("\nTree=")[1:]]
        if any(tree.get(name, "0") != "0" for tree in trees for name in ("num_cat", "is_linear")):
            raise StoreError("saved trees: they split by category or have lines in their leaves")
        return cls.joined([cls._one(tree) for tree in trees])

    @classmethod
    def joined(cls, parts: Sequence["FlatTrees"]) -> Self:
        """Return the trees of several one after another."""
        firsts, ends = [np.zeros((1, 2), dtype=np.int64)], np.zeros(2, dtype=np.int64)
        for part in parts:
            firsts.append(ends + part.firsts[1:])
            ends = ends + part.firsts[-1]
        return cls(
            np.concatenate([np.empty((0, 4), dtype=np.int32), *(part.nodes for part in parts)]),
            np.concatenate([np.empty(0), *(part.splits for part in parts)]),
            np.concatenate([np.empty(0), *(part.leaves for part in parts)]),
            np.concatenate(firsts),
        )

    @classmethod
    def _one(cls, tree: Mapping[str, str]) -> "FlatTrees":
        names = ("split_feature", "decision_type", "left_child", "right_child")
        nodes = np.array([tree.get(name, "").split() for name in names], dtype=np.int32).T
        splits = np.array(tree.get("threshold", "").split(), dtype=np.float64)
        leaves = np.array(tree["leaf_value"].split(), dtype=np.float64)
        firsts = np.array([[0, 0], [len(splits), len(leaves)]])
        return cls(np.ascontiguousarray(nodes), splits, leaves, firsts)


NO_TREES: Final = FlatTrees.joined([])


def _fields(text: str) -> Mapping[str, str]:
    lines = (line.partition("=") for line in text.split("\n\n")[0].splitlines() if "=" in line)
    return {name: value for name, _, value in lines}
