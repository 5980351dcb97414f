"""Which gateway a live desk's orders go by, and who the desk is there."""

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pipeline.domain.errors import SettingsError
from pipeline.domain.gateway_settings import CcxtSettings, FixSettings, RoutedSettings

if TYPE_CHECKING:
    from pipeline.domain.intraday_desk import IntradayDesk
    from pipeline.live.credentials import Credentials
    from pipeline.live.gateways import Open


class Way(StrEnum):
    """The gateways of `hedge live`."""

    PAPER = "paper"
    FIX = "fix"
    CCXT = "ccxt"
    ROUTED = "routed"


TABLES: Final = {
    Way.PAPER: (),
    Way.FIX: ("fix",),
    Way.CCXT: ("ccxt",),
    Way.ROUTED: ("fix", "ccxt", "routed.fix", "routed.ccxt"),
}
"""Tables below `gateway` of the desk file, that say where accounts are."""


def credentials_of(way: Way) -> "dict[str, Credentials]":
    """Take who the desk is at a gateway out of the environment, by the tables that say where it is.

    Call it before another process is started.
    """
    from pipeline.live.credentials import told_credentials
    from pipeline.live.gateways import CCXT_SECRETS, FIX_SECRETS

    return {
        table: told_credentials(
            table.replace(".", "_"), FIX_SECRETS if table.endswith("fix") else CCXT_SECRETS, os.environ
        )
        for table in TABLES[way]
    }


def played(way: Way, desk: "IntradayDesk") -> bool:
    """Tell whether a desk's orders go to paper alone, which can be forgotten."""
    routed = desk.gateway.routed or RoutedSettings()
    return way is Way.PAPER or (way is Way.ROUTED and routed.own == routed.other == "paper")


def wired(way: Way, desk: "IntradayDesk", private: "Mapping[str, Credentials]", replayed: bool) -> "Open":
    """Return what opens the gateway of a desk that lives a stored day, `replayed`, or a venue's stream.

    Raises
    ------
    SettingsError
        The desk file does not say where it is, its extra is not installed, or a stored day would be lived
        against one whose fills are not said to be play.
    DataError
        The files of the second venue are of another instrument.
    """
    from pipeline.live.gateways import on_paper

    told = desk.gateway
    match way:
        case Way.PAPER:
            return on_paper(desk.costs)
        case Way.FIX:
            return _by("fix", told.fix, way, desk, private, replayed)
        case Way.CCXT:
            return _by("ccxt", told.ccxt, way, desk, private, replayed)
        case Way.ROUTED:
            return _routed(desk, private, replayed)


def _routed(desk: "IntradayDesk", private: "Mapping[str, Credentials]", replayed: bool) -> "Open":
    from pipeline.ingest.second_venue import check_second_venue
    from pipeline.live.gateways import on_paper, routed

    way, told = Way.ROUTED, desk.gateway
    second = told.routed
    if second is None:
        raise _not_named(way, way)
    check_second_venue(desk.data, second.symbol)
    if second.own == "paper":
        return routed(desk, on_paper(desk.costs), on_paper(second), second)
    first, further = (
        each.fix if by == "fix" else each.ccxt for each, by in ((told, second.own), (second, second.other))
    )
    if first is not None and further is not None and first.rehearsal != further.rehearsal:
        raise SettingsError(
            f"--gateway {way}: fills are play at one venue and for money at the other: say the same of both"
        )
    own = _by(second.own, first, way, desk, private, replayed)
    other = _by(f"routed.{second.other}", further, way, desk, private, replayed)
    return routed(desk, own, other, second)


def _by(
    table: str,
    settings: FixSettings | CcxtSettings | None,
    way: Way,
    desk: "IntradayDesk",
    private: "Mapping[str, Credentials]",
    replayed: bool,
) -> "Open":
    """Return what opens the account that a table of the desk file names."""
    from pipeline.live.gateways import by_ccxt, by_fix

    if settings is None:
        raise _not_named(way, table)
    if replayed and not settings.rehearsal:
        play = "rehearsal = true" if isinstance(settings, FixSettings) else "live_money = false"
        raise SettingsError(
            f"--gateway {way}: a stored day would send it orders of another day: where fills are play, say "
            f"gateway.{table}.{play}; else name a stream as --feed"
        )
    try:
        if isinstance(settings, FixSettings):
            return by_fix(settings, desk.data.instrument, private[table])
        return by_ccxt(settings, desk.data.instrument, private[table], f"gateway.{table}")
    except ModuleNotFoundError as error:
        extra = table.rpartition(".")[2]
        raise SettingsError(
            f"--gateway {way} needs {error.name}, an extra: pip install 'regime-hedge[{extra}]'"
        ) from None


def _not_named(way: Way, table: str) -> SettingsError:
    return SettingsError(f"--gateway {way}: the desk file has no [gateway.{table}] that says where it is")
