"""What a broker says, without the account and the password that it may repeat."""

import re
from collections.abc import Sequence
from typing import Final

from pipeline.live.fix.wire import Message

HIDDEN: Final = "***"
TEXT: Final = 58
"""The field of the other side's words, which reports, logs and the audit keep."""


class Private:
    """Values that are taken out of what the other side says, where they stand as words.

    Parameters
    ----------
    values : an empty one is none.

    Examples
    --------
    >>> Private(["A1", ""])({35: "3", 58: "no such account: A1"})[58]
    'no such account: ***'
    """

    def __init__(self, values: Sequence[str]) -> None:
        longest_first = sorted(filter(None, values), key=len, reverse=True)
        known = "|".join(map(re.escape, longest_first))
        self._known = re.compile(rf"(?<!\w)(?:{known})(?!\w)") if known else None

    def __call__(self, message: Message) -> Message:
        """Return a message as it may be kept and shown."""
        if self._known is None or TEXT not in message:
            return message
        return {**message, TEXT: self._known.sub(HIDDEN, message[TEXT])}

    def __repr__(self) -> str:
        return "Private(...)"
