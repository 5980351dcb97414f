"""The gateways that a live desk can be wired to, each opened in the folder of its journal."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from pipeline.domain.desk import BPS
from pipeline.domain.gateway_settings import FixSettings
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.live.credentials import Credentials
from pipeline.live.gateway import Gateway
from pipeline.live.paper import Latency, PaperGateway
from pipeline.live.played import Elsewhere, Played


class Opened(NamedTuple):
    """A gateway that is not started yet, and the market behind it as far as the desk's book moves it."""

    gateway: Gateway
    played: Played


Open = Callable[[Path, Latency], AbstractContextManager[Opened]]
"""Opens a gateway in a folder; orders take so long to reach a market that is played."""
FIX_SECRETS = ("account", "username", "password")


def on_paper(desk: IntradayDesk) -> Open:
    """Return what opens the paper venue with what trading costs the desk."""

    @contextmanager
    def opened(folder: Path, latency: Latency) -> Iterator[Opened]:
        own = desk.costs
        costs = {"fee": own.fee_bps * BPS, "fixed_fee": own.fixed_fee, "crossing": own.crossing}
        with closing(PaperGateway(folder / "venue", latency, **costs)) as gateway:
            yield Opened(gateway, gateway)

    return opened


def by_fix(settings: FixSettings, instrument: str, private: Credentials) -> Open:
    """Return what opens a session with a broker; a market's latency is its own."""
    from pipeline.live.fix.gateway import FixGateway
    from pipeline.live.fix.sequence import Sequence
    from pipeline.live.fix.session import Session

    logon = [(553, private["username"]), (554, private["password"])]

    @contextmanager
    def opened(folder: Path, latency: Latency) -> Iterator[Opened]:
        name = f"{settings.sender} to {settings.target}"
        with closing(Sequence(folder / "fix-session", name)) as sequence:
            session = Session(
                settings.sender,
                settings.target,
                sequence,
                heartbeat=settings.heartbeat_seconds,
                further=[field for field in logon if field[1]],
                reset=settings.reset_on_logon,
            )
            gateway = FixGateway(
                settings.host,
                settings.port,
                session,
                time.time_ns,
                account=private["account"],
                symbols={instrument: settings.symbol or instrument},
            )
            yield Opened(gateway, Elsewhere())

    return opened
