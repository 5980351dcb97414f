"""The files of a folder, here or at a URL that fsspec knows."""

import fsspec

from pipeline.domain.errors import DataError


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


def file_in(url: str, name: str) -> str:
    """Return the path or URL of a file of a folder.

    Examples
    --------
    >>> file_in("s3://bucket/ticks/", "day.csv")
    's3://bucket/ticks/day.csv'
    """
    return f"{url.rstrip('/')}/{name}"
