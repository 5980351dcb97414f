"""How runs are named."""

from pathlib import Path

from prefect import runtime


def desk_file(desk: str) -> str:
    """Return what a desk is called in messages: a shipped name, or the file's without its folder.

    Examples
    --------
    >>> desk_file("/desks/mine.toml"), desk_file("spx-daily")
    ('mine.toml', 'spx-daily')
    """
    return Path(desk).name


def run_name() -> str:
    """Return the name of the flow run: the desk's, or its file's without folder and suffix."""
    return desk_file(str(runtime.flow_run.parameters["desk"])).removesuffix(".toml")
