"""The files of a folder, here or at a URL that fsspec knows."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

import fsspec

from pipeline.domain.errors import DataError
from pipeline.ingest.raw_stream import RawStream


def files_below(url: str) -> list[str] | None:
    """Return the paths of all files below a folder, seen from it and sorted; None where there is no folder.

    Raises
    ------
    DataError
        The URL is of a kind that is not known, or may not be read.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "a").mkdir()
    >>> (folder / "a" / "day.csv").write_text("x")
    1
    >>> files_below(str(folder)), files_below(f"{folder}/none")
    (['a/day.csv'], None)
    """
    try:
        files, root = fsspec.core.url_to_fs(url)
        root = str(root).rstrip("/")
        if not files.isdir(root):
            return None
        return sorted(str(path).removeprefix(root).lstrip("/") for path in files.find(root))
    except (ValueError, ImportError, OSError) as error:
        raise DataError(f"{url}: cannot be listed: {(str(error).splitlines() or ['?'])[0]}") from None


def fits(name: str, pattern: str) -> bool:
    """Tell whether a path fits a pattern; `*` and `?` stay within one folder, so `*.csv` takes none below.

    Examples
    --------
    >>> fits("bac/1.zip", "bac/*.zip"), fits("bac/1.zip", "*.zip")
    (True, False)
    """
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def fitting(names: Iterable[str], pattern: str, key: str, folder: str) -> list[str]:
    """Return the files of a folder that fit a pattern of a desk's `key`, such as `data.files`.

    Raises
    ------
    DataError
        None does.
    """
    names = list(names)
    found = [name for name in names if fits(name, pattern)]
    if not found:
        below = sorted({name.rpartition("/")[0] for name in names if fits(name.rpartition("/")[2], pattern)})
        advice = f"give a folder below it, {' or '.join(below[:3])}" if below else "look at the folder"
        raise DataError(f"{folder}: no file {pattern} as {key} names it: {advice}")
    return found


def digests(folder: str, names: Sequence[str]) -> dict[str, str]:
    """Return the SHA-256 of some files of a folder by their names.

    Raises
    ------
    DataError
        Two of them are the same file under two names: its rows would count twice; or one cannot be read.
    """
    found = {name: RawStream(file_in(folder, name)).digest() for name in names}
    first: dict[str, str] = {}
    for name, digest in found.items():
        if first.setdefault(digest, name) != name:
            raise DataError(
                f"{folder}: {first[digest]} and {name} are the same file: remove one of them, or let "
                "data.files leave it out"
            )
    return found


def file_in(url: str, name: str) -> str:
    """Return the path or URL of a file of a folder.

    Examples
    --------
    >>> file_in("s3://bucket/ticks/", "day.csv")
    's3://bucket/ticks/day.csv'
    """
    return f"{url.rstrip('/')}/{name}"
