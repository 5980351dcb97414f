"""Alarms of a live desk as events in Prefect, which the automation of the retrain deployment waits for."""

import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from prefect.events import emit_event

from flows.deployments import RESOURCE
from pipeline.live.hedger import Decided
from pipeline.monitor.alarm import Alarm, Observed

EVENT: Final = "hedge.alarm"
"""Followed by the severity."""
SECONDS: Final = 5.0


class AlarmEvents:
    """A sink that emits an event for each alarm: `hedge.alarm.<severity>` of `hedge.desk.<desk>`.

    Parameters
    ----------
    desk : its name.
    api : of the server, PREFECT_API_URL; the process must have had it when Prefect was imported.
    """

    def __init__(self, desk: str, api: str) -> None:
        self._desk, self._api = desk, api

    def reach(self) -> None:
        """Raise where the server does not answer.

        Raises
        ------
        OSError
            It does not.
        """
        with urllib.request.urlopen(f"{self._api}/health", timeout=SECONDS):  # nosec B310 # of the user
            pass

    def measured(self, seen: Observed, decided: Decided, state: Mapping[tuple[str, str], float]) -> None:
        """Say nothing of a decision."""

    def alarmed(self, alarm: Alarm) -> None:
        """Emit the event.

        Raises
        ------
        OSError
            The server does not answer.
        """
        self.reach()
        emit_event(
            event=f"{EVENT}.{alarm.severity.value}",
            resource={"prefect.resource.id": f"{RESOURCE}.{self._desk}", "prefect.resource.name": self._desk},
            related=[
                {"prefect.resource.id": f"hedge.monitor.{alarm.monitor}", "prefect.resource.role": "monitor"}
            ],
            payload={
                "monitor": alarm.monitor,
                "feature": alarm.feature,
                "said": alarm.said,
                "decided": datetime.fromtimestamp(alarm.at / 1e9, UTC).isoformat(),
                **{name: float(value) for name, value in alarm.numbers.items()},
            },
        )
