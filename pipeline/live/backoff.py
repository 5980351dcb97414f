"""How long to wait before something is tried again."""

import itertools
import random
from collections.abc import Iterator
from typing import Final

FIRST: Final = 0.25
LONGEST: Final = 30.0


def pauses(dice: random.Random, first: float = FIRST, longest: float = LONGEST) -> Iterator[float]:
    """Yield seconds to wait: each twice the one before until the longest, less up to half by chance.

    Chance keeps those that lost the same line from coming back all at once.

    Examples
    --------
    >>> found = pauses(random.Random(1), first=1.0, longest=4.0)
    >>> [round(next(found), 2) for _ in range(4)]
    [0.57, 1.85, 3.53, 2.51]
    """
    for attempt in itertools.count():
        yield dice.uniform(0.5, 1.0) * min(first * 2.0 ** min(attempt, 30), longest)
