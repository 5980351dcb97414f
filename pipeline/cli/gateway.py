"""Which gateway a live desk's orders go by, and who the desk is there."""

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from pipeline.domain.errors import SettingsError
from pipeline.domain.gateway_settings import CcxtSettings, FixSettings

if TYPE_CHECKING:
    from pipeline.domain.intraday_desk import IntradayDesk
    from pipeline.live.credentials import Credentials
    from pipeline.live.gateways import Open

Elsewhere = TypeVar("Elsewhere", FixSettings, CcxtSettings)
Told = TypeVar("Told")


class Way(StrEnum):
    """The gateways of `hedge live`."""

    PAPER = "paper"
    FIX = "fix"
    CCXT = "ccxt"
    ROUTED = "routed"


PLAYED: Final = (Way.PAPER, Way.ROUTED)
"""Those whose venues are the desk's own files."""


def credentials_of(way: Way) -> "Credentials":
    """Take who the desk is at a gateway out of the environment; call it before another process is started."""
    from pipeline.live.credentials import Credentials, told_credentials
    from pipeline.live.gateways import CCXT_SECRETS, FIX_SECRETS

    if way in PLAYED:
        return Credentials()
    return told_credentials(way, FIX_SECRETS if way is Way.FIX else CCXT_SECRETS, os.environ)


def wired(way: Way, desk: "IntradayDesk", private: "Credentials", replayed: bool) -> "Open":
    """Return what opens the gateway of a desk that lives a stored day, `replayed`, or a venue's stream.

    Raises
    ------
    SettingsError
        The desk file does not say where it is, its extra is not installed, or a stored day would be lived
        against one whose fills are not said to be play, or a stream routed.
    DataError
        The files of the second venue are of another instrument.
    """
    from pipeline.ingest.second_venue import check_second_venue
    from pipeline.live.gateways import by_ccxt, by_fix, on_paper, on_two_papers

    told, instrument = desk.gateway, desk.data.instrument
    try:
        match way:
            case Way.PAPER:
                return on_paper(desk)
            case Way.FIX:
                return by_fix(_there(way, told.fix, replayed), instrument, private)
            case Way.CCXT:
                return by_ccxt(_there(way, told.ccxt, replayed), instrument, private)
            case Way.ROUTED:
                if not replayed:
                    raise SettingsError(f"--gateway {way}: a stream tells one venue's book: give replay:DAY")
                second = _named(way, told.routed)
                check_second_venue(desk.data, second.symbol)
                return on_two_papers(desk, second)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"--gateway {way} needs {error.name}, an extra: pip install 'regime-hedge[{way}]'"
        ) from None


def _named(way: Way, settings: Told | None) -> Told:
    if settings is None:
        raise SettingsError(f"--gateway {way}: the desk file has no [gateway.{way}] that says where it is")
    return settings


def _there(way: Way, settings: Elsewhere | None, replayed: bool) -> Elsewhere:
    settings = _named(way, settings)
    if replayed and not settings.rehearsal:
        play = "live_money = false" if way is Way.CCXT else "rehearsal = true"
        raise SettingsError(
            f"--gateway {way}: a stored day would send it orders of another day: where fills are play, say "
            f"gateway.{way}.{play}; else name a stream as --feed"
        )
    return settings
