"""What is wrong with a file that no format recognises, told by how it begins."""

from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.ingest.delimited import names_in
from pipeline.ingest.raw_stream import IN_UTF16, WIDE

Headers = Mapping[str, Sequence[Sequence[str]]]
DELIMITERS: Final = (",", ";", "\t", "|")
NEAR: Final = 0.6
"""Share of a format's columns that a header needs to be called nearly one of it."""
FEWEST: Final = 3
"""Columns in common without which a header is near to nothing."""


def why_unknown(head: bytes, headers: Headers) -> str:
    r"""Return the fault of a file that begins with `head`; `headers` are the columns of formats by name.

    Examples
    --------
    >>> columns = {"ticks": [("symbol", "timestamp", "price", "amount")]}
    >>> why_unknown(b"", columns)
    'is empty'
    >>> why_unknown(b"symbol,time,price,amount\n", columns)
    "is of no format that is known; ticks is nearest, but the header lacks 'timestamp'"
    >>> why_unknown(b"symbol;timestamp;price;amount\n", columns)
    "is of no format that is known; its columns are those of ticks, but ';' stands between them, not ','"
    """
    if not head.strip():
        return "is empty"
    if head.startswith(WIDE):
        return IN_UTF16
    said = _nearest(head, headers)
    return f"is of no format that is known{said and '; '}{said}"


def _nearest(head: bytes, headers: Headers) -> str:
    best, said = 0.0, ""
    for delimiter in DELIMITERS:
        names = names_in(head, delimiter)
        folded = {name.casefold() for name in names}
        for name, columns in ((name, each) for name, known in headers.items() for each in known):
            common = [column for column in columns if column.casefold() in folded]
            share = len(common) / len(columns)
            if len(common) >= FEWEST and share >= NEAR and share > best:
                best, said = share, _difference(name, columns, names, delimiter)
    return said


def _difference(name: str, columns: Sequence[str], names: Sequence[str], delimiter: str) -> str:
    folded = {each.casefold() for each in names}
    if lacking := [column for column in columns if column.casefold() not in folded]:
        return f"{name} is nearest, but the header lacks {', '.join(map(repr, lacking))}"
    same = f"its columns are those of {name}, but"
    if delimiter != ",":
        return f"{same} {delimiter!r} stands between them, not ','"
    if spelt := [column for column in columns if column not in names]:
        return f"{same} it has to be spelt {', '.join(map(repr, spelt))}"
    return f"{same} their order or further ones are not"
