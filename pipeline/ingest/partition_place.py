"""Where a partition lies: its key, its manifest and its files."""

from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from pipeline.domain.errors import StoreError

MADE: Final = "_made"
"""Folder of the manifests."""


class Place(NamedTuple):
    """Where a unit of work lies: the parts of its key."""

    recipe: str
    instrument: str
    label: str
    unit: str

    @classmethod
    def of(cls, key: str) -> "Place":
        """Return the place of a key.

        Examples
        --------
        >>> Place.of("grid-0123/BTC%2FUSD/2020-01-02/4567").instrument
        'BTC/USD'
        """
        parts = key.split("/")
        if len(parts) != len(cls._fields):
            raise StoreError(f"{key} is no key of a partition")
        return cls(*map(unquote, parts))

    @property
    def key(self) -> str:
        """The key."""
        return "/".join(quote(part, safe="") for part in self)

    @property
    def manifest(self) -> str:
        """Path of the manifest below the store."""
        return f"{self.slot}/{self.unit}.json"

    @property
    def slot(self) -> str:
        """Folder of the manifests of this unit of work, one for as long as it is the newest."""
        recipe, instrument, label, _ = self.key.split("/")
        return f"{recipe}/{MADE}/{instrument}/{label}"

    def file(self, name: str) -> str:
        """Return the path of a table: `grid/2020-01-02` by day, `index` beside the manifest."""
        table, _, day = name.partition("/")
        if not day:
            return f"{self.slot}/{self.unit}.{table}.parquet"
        folder = f"instrument={quote(self.instrument, safe='')}/day={day}"
        return f"{self.recipe}/{table}/{folder}/{self.unit}.parquet"

    def told(self, name: str) -> dict[str, str]:
        """Return the columns, with their values, that the folders of a table tell; none beside the manifest.

        Examples
        --------
        >>> Place.of("grid-0123/BTC/2020-01-02/4567").told("grid/2020-01-02")
        {'instrument': 'BTC', 'day': '2020-01-02'}
        """
        day = name.partition("/")[2]
        return {"instrument": self.instrument, "day": day} if day else {}
