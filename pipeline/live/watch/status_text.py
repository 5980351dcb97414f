"""How a live desk stands, in words."""

from datetime import UTC, datetime

from pipeline.live.watch.told import Told


def status_for_terminal(status: Told) -> str:
    """Return `story.Story.status`, with journal and process, as lines."""
    risk = status["risk"]
    working = ", ".join(
        f"{each['quantity'] - each['filled']:+g} {each['instrument']}" for each in status["working"]
    )
    lines = {
        "desk": f"{status['name']}, {_running(status)}",
        "state": f"{risk['state']} since {moment(risk['at'])} ({risk['who']}: {risk['why']})",
        "position": f"{status['position']:.6g} {status['instrument']}".strip(),
        "working": working or "nothing",
        "orders": f"{status['orders']}, {status['fills']} fills",
        "traded": f"{status['traded']:,.2f}, fees {status['fees']:,.2f}",
        "decision": moment(status["newest"]) if status["newest"] else "none is known",
        "journal": status["journal"],
    }
    if held := status["held"]:
        lines["asks"] = f"{held['order']}, until {moment(held['deadline'])}: hedge approve {status['name']}"
    if status["feed"]:
        lines["feed"] = "; ".join(f"{each['name']} {each['value']}" for each in status["feed"][:2])
    if status["unexplained"]:
        lines["reports"] = f"{status['unexplained']} that nothing explains"
    return "\n".join(f"{name:<10} {line}" for name, line in lines.items())


def moment(ms: int) -> str:
    """Return a time of ms since 1970 in words.

    Examples
    --------
    >>> moment(1_381_500_000_000)
    '2013-10-11 14:00:00 UTC'
    """
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _running(status: Told) -> str:
    if not status["running"]:
        return "does not run"
    return f"process {status['process']}" + (f", {status['url']}" if status["url"] else "")
