"""The gateways that a live desk can be wired to, each opened in the folder of its journal."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from pipeline.domain.desk import BPS
from pipeline.domain.errors import SettingsError
from pipeline.domain.gateway_settings import CcxtSettings, FixSettings, RoutedSettings
from pipeline.domain.intraday_desk import IntradayCosts, IntradayDesk
from pipeline.domain.naming import hint
from pipeline.domain.orders import OTHER, OWN
from pipeline.live.credentials import Credentials
from pipeline.live.offers import Charges
from pipeline.live.opened import Opened
from pipeline.live.paper import Latency, PaperGateway
from pipeline.live.played import Elsewhere
from pipeline.live.recovery import PATIENCE
from pipeline.live.routed import Routed, Traded
from pipeline.live.venue import Book

Books = Callable[[], Sequence[Book]]
"""The desk's own book as it stands now, and where orders are routed that of the second venue."""
Open = Callable[[Path, Latency, Books], AbstractContextManager[Opened]]
"""Opens a gateway in a folder; orders take so long to reach a market that is played, routed by books."""
FIX_SECRETS = ("account", "username", "password")
SPOT = {
    "defaultType": "spot",
    "fetchMarkets": {"types": ["spot"]},
    "fetchCurrencies": False,
    "fetchMargins": False,
}
"""What of a venue ccxt looks up: nothing for which a key that can only trade would not do."""
CCXT_SECRETS = ("key", "secret", "passphrase")


def on_paper(costs: IntradayCosts | RoutedSettings) -> Open:
    """Return what opens a paper venue with what trading costs there."""
    charges = _charges(costs)._asdict()

    @contextmanager
    def opened(folder: Path, latency: Latency, books: Books) -> Iterator[Opened]:
        with closing(PaperGateway(folder / "venue", latency, **charges)) as gateway:
            yield Opened(gateway, gateway, gateway.taken)

    return opened


def routed(desk: IntradayDesk, own: Open, other: Open, second: RoutedSettings) -> Open:
    """Return what opens a router to two venues: that of the desk's own book, and that of `data.other_files`.

    Parameters
    ----------
    own, other : open their gateways, each in a folder of its own.
    second : what trading costs at the other.
    """
    ways = {OWN: (own, _charges(desk.costs)), OTHER: (other, _charges(second))}

    @contextmanager
    def opened(folder: Path, latency: Latency, books: Books) -> Iterator[Opened]:
        with ExitStack() as going:
            venues = {}
            for name, (way, charges) in ways.items():
                (folder / name).mkdir(exist_ok=True)
                venues[name] = Traded(going.enter_context(way(folder / name, latency, books)), charges)
            patience = PATIENCE if second.own != "paper" else ()
            gateway = Routed(venues, books, folder / "router", desk.hedge.lot, patience)
            going.enter_context(closing(gateway))
            yield Opened(gateway, gateway)

    return opened


def _charges(costs: IntradayCosts | RoutedSettings) -> Charges:
    return Charges(costs.fee_bps * BPS, costs.fixed_fee, costs.crossing)


def by_fix(settings: FixSettings, instrument: str, private: Credentials) -> Open:
    """Return what opens a session with a broker; a market's latency is its own."""
    from pipeline.live.fix.gateway import FixGateway
    from pipeline.live.fix.sequence import Sequence
    from pipeline.live.fix.session import Session

    logon = [(553, private["username"]), (554, private["password"])]

    @contextmanager
    def opened(folder: Path, latency: Latency, books: Books) -> Iterator[Opened]:
        name = f"{settings.sender} to {settings.target}"
        with closing(Sequence(folder / "fix-session", name)) as sequence:
            session = Session(
                settings.sender,
                settings.target,
                sequence,
                heartbeat=settings.heartbeat_seconds,
                further=[field for field in logon if field[1]],
                reset=settings.reset_on_logon or (settings.rehearsal and sequence.new),
            )
            gateway = FixGateway(
                settings.host,
                settings.port,
                session,
                time.time_ns,
                account=private["account"],
                symbols={instrument: settings.symbol or instrument},
                rehearsal=settings.rehearsal,
                fee_so_far=settings.commission == "order",
            )
            yield Opened(gateway, Elsewhere())

    return opened


def by_ccxt(
    settings: CcxtSettings, instrument: str, private: Credentials, table: str = "gateway.ccxt"
) -> Open:
    """Return what opens a venue's spot market, on its test net unless the settings say that it is for money.

    Parameters
    ----------
    table : of the desk file where the settings stand, which errors name.

    Raises
    ------
    SettingsError
        There is no such venue, or it has no test net.
    """
    import ccxt.async_support as ccxt

    from pipeline.live.crypto.gateway import CcxtGateway

    if settings.venue not in ccxt.exchanges:
        raise SettingsError(
            f"{table}.venue: ccxt knows no {settings.venue}: {hint(settings.venue, ccxt.exchanges)}"
        )
    keys = {"apiKey": private["key"], "secret": private["secret"], "password": private["passphrase"]}

    @contextmanager
    def opened(folder: Path, latency: Latency, books: Books) -> Iterator[Opened]:
        venue = getattr(ccxt, settings.venue)({**keys, "enableRateLimit": True, "options": SPOT})
        if not settings.live_money:
            _on_test_net(venue, table)
        with closing(
            CcxtGateway(
                venue,
                {instrument: settings.symbol},
                folder / "ccxt-orders",
                time.time_ns,
                baseline=settings.baseline,
                poll=settings.poll_seconds,
                rehearsal=settings.rehearsal,
                private=list(keys.values()),
            )
        ) as gateway:
            yield Opened(gateway, Elsewhere(), purse=gateway.purse)

    return opened


def _on_test_net(venue: Any, table: str) -> None:
    if not venue.urls.get("test"):
        raise SettingsError(
            f"{table}.venue: {venue.id} has no test net: live_money = true sends it orders for money"
        )
    venue.set_sandbox_mode(True)
