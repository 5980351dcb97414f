"""What a training of a hedger is told: how long, on how much, in which market, where."""

from dataclasses import dataclass
from typing import Literal

from pipeline.learning.known_market import KnownMarket


@dataclass(frozen=True, kw_only=True)
class Order:
    """A training that is asked for.

    Attributes
    ----------
    steps, markets : how long, and on how many markets at once.
    known : what is known of the real market.
    seed : of everything that is drawn.
    rate : learning rate at its start; None is the policy's own.
    device : where it is trained.
    seen_until : the last session of the real market that `known` tells of, ISO 8601; empty is none.
    """

    steps: int
    markets: int
    known: KnownMarket
    seed: int
    rate: float | None = None
    device: Literal["cpu", "cuda"] = "cpu"
    seen_until: str = ""
