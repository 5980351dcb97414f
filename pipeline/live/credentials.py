"""Who a desk is at a broker or venue: from the environment or a private file, and nowhere else."""

import tomllib
from collections.abc import MutableMapping, Sequence
from pathlib import Path

from pipeline.domain.errors import SettingsError
from pipeline.live.private_file import read_private


class Credentials:
    """Secrets by name, none of which its text shows; one that was not given is empty.

    Examples
    --------
    >>> told = Credentials({"user": "ada"})
    >>> told["user"], told["password"], told
    ('ada', '', Credentials(...))
    """

    def __init__(self, told: MutableMapping[str, str] | None = None) -> None:
        self._told = dict(told or {})

    def __getitem__(self, name: str) -> str:
        return self._told.get(name, "")

    def __repr__(self) -> str:
        return "Credentials(...)"


def told_credentials(
    gateway: str, names: Sequence[str], environment: MutableMapping[str, str]
) -> Credentials:
    """Take what is told of some names out of the environment, which no process started later needs to know.

    `HEDGE_<GATEWAY>_<NAME>` goes before what the file says that `HEDGE_<GATEWAY>_FILE` names: TOML, a line
    `name = "…"` each, of mode 600.

    Raises
    ------
    SettingsError
        The file is missing, is not private, is not TOML, or says something else; no value is repeated.

    Examples
    --------
    >>> environment = {"HEDGE_FIX_USERNAME": "ada", "HOME": "/home/ada"}
    >>> told_credentials("fix", ["username", "password"], environment)["username"], environment
    ('ada', {'HOME': '/home/ada'})
    """
    prefix = f"HEDGE_{gateway.upper()}_"
    file = environment.get(f"{prefix}FILE")
    told = {} if file is None else _of_file(Path(file).expanduser(), names)
    for name in names:
        given = environment.pop(f"{prefix}{name.upper()}", None)
        if given is not None:
            told[name] = given
    return Credentials(told)


def _of_file(place: Path, names: Sequence[str]) -> dict[str, str]:
    what = "credentials file"
    try:
        told = tomllib.loads(read_private(place, what))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise SettingsError(f'{what} {place}: not TOML: give lines like {names[0]} = "…"') from None
    other = [name for name, value in told.items() if name not in names or not isinstance(value, str)]
    if other:
        raise SettingsError(
            f'{what} {place}: {len(other)} entries are not asked for: give {", ".join(names)}, each as "…"'
        )
    return told
