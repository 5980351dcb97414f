"""Which gateway a live desk's orders go by, and who the desk is there."""

import os
from enum import StrEnum
from typing import TYPE_CHECKING

from pipeline.domain.errors import SettingsError

if TYPE_CHECKING:
    from pipeline.domain.intraday_desk import IntradayDesk
    from pipeline.live.credentials import Credentials
    from pipeline.live.gateways import Open


class Way(StrEnum):
    """The gateways of `hedge live`."""

    PAPER = "paper"
    FIX = "fix"


def credentials_of(way: Way) -> "Credentials":
    """Take who the desk is at a gateway out of the environment; call it before another process is started."""
    from pipeline.live.credentials import Credentials, told_credentials
    from pipeline.live.gateways import FIX_SECRETS

    return told_credentials(way, FIX_SECRETS, os.environ) if way is Way.FIX else Credentials()


def wired(way: Way, desk: "IntradayDesk", private: "Credentials", replayed: bool) -> "Open":
    """Return what opens the gateway of a desk.

    Raises
    ------
    SettingsError
        The desk file does not say where it is, its extra is not installed, or a stored day would be lived
        against a broker that is not said to be a rehearsal.
    """
    from pipeline.live.gateways import by_fix, on_paper

    if way is Way.PAPER:
        return on_paper(desk)
    settings = desk.gateway.fix
    if settings is None:
        raise SettingsError(f"--gateway {way}: the desk file says of no [gateway.{way}] where it is")
    if replayed and not settings.rehearsal:
        raise SettingsError(
            f"--gateway {way}: a stored day would send a broker orders of another day: where its fills are "
            f"play, say gateway.{way}.rehearsal = true; else name a stream as --feed"
        )
    try:
        return by_fix(settings, desk.data.instrument, private)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"--gateway {way} needs {error.name}, an extra: pip install 'regime-hedge[{way}]'"
        ) from None
