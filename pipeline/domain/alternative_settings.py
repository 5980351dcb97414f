"""Files of alternative data: news sentiment, fees of a network, headlines, social media."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field

from pipeline.domain.public_url import PublicUrl
from pipeline.domain.settings import Settings
from pipeline.domain.stream_terms import Terms

URL: Final = "://"
USUAL_SERIES: Final = {"news_sentiment": "news_sentiment", "network_fees": "FeeTotUSD"}
"""Daily series, and how the table `alternative` of the format that usually carries each names it."""
SERIES: Final = "alternative"
"""Canonical table of daily series."""


class RecordFile(Settings):
    """One file or table of records, in any format of docs/data.md."""

    file: Annotated[PublicUrl, Field(min_length=1)]
    """Path, URL (of fsspec), or SQLAlchemy URL of a database. `*` and `?` in the name of a path stand for all
    files that fit, by name: one a day, say."""
    table: str = ""
    """Of a database; of an archive of several files the one to read."""
    format: str = ""
    """A format's name; empty recognises it by the file."""
    terms: Terms = Terms()
    """What the file does not say of itself: its zone, when it was published, the lag until it was known."""
    series: str = ""
    """Of a file of several daily series the one to read; empty takes the usual one."""
    quarantine_limit: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Largest share of the rows in quarantine that a run accepts."""
    stale_after_seconds: Annotated[float, Field(gt=0)] | None = None
    """Age of the newest row from which on the overlay's `stale_seconds` counts it as that of the market."""

    def located(self, folder: Path | str) -> Self:
        """Return the settings with a relative path seen from a folder, which may be a URL; a URL stays.

        Examples
        --------
        >>> file = RecordFile(file="fills.csv")
        >>> file.located("s3://desk/").file, file.located("/desk").file
        ('s3://desk/fills.csv', '/desk/fills.csv')
        """
        path = Path(self.file).expanduser()
        if URL in self.file:
            return self
        if URL in str(folder) and not path.is_absolute():
            return self.model_copy(update={"file": f"{str(folder).rstrip('/')}/{self.file}"})
        return self.model_copy(update={"file": str((folder / path).resolve())})


def _as_several(value: Any) -> Any:
    return (value,) if isinstance(value, Mapping | RecordFile) else value


RecordFiles = Annotated[tuple[RecordFile, ...], BeforeValidator(_as_several)]
"""One table of the desk file, or a list of them: further vintages or years."""


class AlternativeData(Settings):
    """What is read beside the market; each is optional and may come in several files."""

    news_sentiment: RecordFiles = ()
    network_fees: RecordFiles = ()
    headlines: RecordFiles = ()
    social: RecordFiles = ()

    @property
    def given(self) -> dict[str, tuple[RecordFile, ...]]:
        """The kinds that the desk gives, by name.

        Examples
        --------
        >>> list(AlternativeData(social={"file": "posts.csv"}).given)
        ['social']
        """
        return {name: each for name in type(self).model_fields if (each := getattr(self, name))}

    @property
    def tables(self) -> tuple[str, ...]:
        """Canonical tables that these kinds come in."""
        return tuple(dict.fromkeys(table_of(name) for name in self.given))

    def located(self, folder: Path | str) -> Self:
        """Return the settings with relative paths seen from `folder`."""
        return self.model_copy(
            update={name: tuple(each.located(folder) for each in files) for name, files in self.given.items()}
        )


def table_of(kind: str) -> str:
    """Return the canonical table of a kind of alternative data.

    Examples
    --------
    >>> table_of("network_fees"), table_of("headlines")
    ('alternative', 'headlines')
    """
    return SERIES if kind in USUAL_SERIES else kind
