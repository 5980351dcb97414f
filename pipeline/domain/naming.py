"""What to say to somebody who wrote a name that does not exist."""

import difflib
from collections.abc import Iterable


def hint(word: str, valid: Iterable[str]) -> str:
    """Return the nearest valid name as a question, or all of them where none is near.

    Examples
    --------
    >>> hint("optoin", ["name", "option"])
    'did you mean option?'
    >>> hint("zzz", ["name", "option"])
    'valid: name, option'
    """
    names = list(valid)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"valid: {', '.join(names)}"
