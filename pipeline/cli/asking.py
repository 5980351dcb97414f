"""Where a desk that goes live asks people."""

from typing import TYPE_CHECKING, Final

from pipeline.cli.monitored import API
from pipeline.domain.intraday_desk import IntradayDesk

if TYPE_CHECKING:
    from pipeline.live.approvals import Approvals
    from pipeline.live.control import Control

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
