"""Where a desk that goes live asks people."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipeline.cli.monitored import API
from pipeline.domain.errors import HedgeError
from pipeline.domain.intraday_desk import IntradayDesk

if TYPE_CHECKING:
    from pipeline.live.approvals import Approvals
    from pipeline.live.control import Control

FORGOTTEN: Final = "the desk has begun its day again, hedge live --anew"
STAYS: Final = "request {request} stays open in Prefect and answers nobody: cancel its flow run ({why})"
NO_SERVER: Final = f"no Prefect server is named: start hedge up, and set {API} as it says"


def approvals_of(
    desk: IntradayDesk, server: str | None, speed: float = 1.0
) -> "tuple[Approvals, list[Control]]":
    """Return where people are asked about a desk's orders, and what has to stand beside its loop for it.

    Parameters
    ----------
    desk : settings; one without soft limits asks nobody.
    server : API of the Prefect server that the user has named, see `named_server`.
    speed : how many times as fast as ours the desk's clock goes.
    """
    from pipeline.live.approvals import Nobody

    if not desk.overlay.asks or server is None:
        return Nobody(NO_SERVER), []
    from flows.asking import PrefectApprovals

    asking = PrefectApprovals(desk.name, server, speed=speed)
    return asking, [asking]


def forget_asked(journal: Path, desk: str, server: str | None) -> None:
    """Take back the question that is open in a journal which is to be removed, or say that it stays.

    A journal that cannot be read is removed all the same: to begin again is a way out.
    """
    from pipeline.live.journal import Journal
    from pipeline.live.permits import told_requests

    try:
        with Journal(journal, desk, now=0, writing=False) as kept:
            asked = told_requests(kept.entries()).open
    except HedgeError:
        return
    if asked is None:
        return
    why = "" if server else NO_SERVER
    try:
        if server:
            from flows.questions import forget

            why = "" if forget(server, asked.request, FORGOTTEN) else "it is on its way to suspend"
    except HedgeError as error:
        why = str(error)
    said = STAYS.format(request=asked.request, why=why) if why else f"request {asked.request} is taken back"
    print(said, file=sys.stderr, flush=True)
