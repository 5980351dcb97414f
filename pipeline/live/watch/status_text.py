"""How a live desk stands, in words."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pipeline.live.feed_state import SECOND
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
    lines |= _feeds(status["feed"])
    if status["unexplained"]:
        lines["reports"] = f"{status['unexplained']} that nothing explains"
    return "\n".join(f"{name:<10} {line}" for name, line in lines.items())


def _feeds(feed: Sequence[Told]) -> dict[str, str]:
    """Return how line and book are of the market, and where it is followed of the second venue.

    Examples
    --------
    >>> told = {"line": "stands", "messages": "7", "second venue: line": "down"}
    >>> _feeds([{"name": name, "value": value} for name, value in told.items()])
    {'feed': 'line stands', 'other feed': 'line down'}
    """
    found = dict[str, str]()
    for name, prefix in (("feed", ""), ("other feed", SECOND)):
        told = {each["name"]: each["value"] for each in feed}
        said = [f"{each} {told[prefix + each]}" for each in ("line", "book") if prefix + each in told]
        found |= {name: "; ".join(said)} if said else {}
    return found


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
