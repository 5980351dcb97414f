"""What a broker or venue says, without the account, keys and passwords that it may repeat."""

import re
from collections.abc import Sequence
from typing import Final

HIDDEN: Final = "***"


class PrivateWords:
    """Values that are taken out of what the other side says, where they stand as words.

    Parameters
    ----------
    values : an empty one is none.

    Examples
    --------
    >>> PrivateWords(["A1", ""])("no such account: A1")
    'no such account: ***'
    """

    def __init__(self, values: Sequence[str]) -> None:
        longest_first = sorted(filter(None, values), key=len, reverse=True)
        known = "|".join(map(re.escape, longest_first))
        self._known = re.compile(rf"(?<!\w)(?:{known})(?!\w)") if known else None

    def __call__(self, text: str) -> str:
        """Return a text as it may be kept and shown."""
        return text if self._known is None else self._known.sub(HIDDEN, text)

    def __repr__(self) -> str:
        return "PrivateWords(...)"
