"""A live day in MLflow: a run whose metrics are time series, a step a decision, and its alarms."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mlflow.entities import Metric, RunStatus

from pipeline.live.hedger import Decided
from pipeline.monitor.alarm import Alarm, Observed
from pipeline.tracking.database import connect, experiment_id
from pipeline.tracking.runs import PROCESS, end_orphans, log_settings, this_process

EVERY: Final = 10
"""Decisions between two points of a series."""
AT_ONCE: Final = 500
"""Metrics that are written together."""


class LiveDay:
    """A sink that writes a run for each day of one desk; it is opened with the day's first decision."""

    def __init__(self, mlruns: Path, desk: str, model: str) -> None:
        self._mlruns, self._desk, self._model = mlruns, desk, model
        self._run_id, self._day, self._seen = "", "", 0
        self._waiting: list[Metric] = []
        self._alarms: list[dict[str, Any]] = []

    def measured(self, seen: Observed, decided: Decided, state: Mapping[tuple[str, str], float]) -> None:
        """Take in a decision; every tenth is a point of the series."""
        self._open(seen.day)
        self._seen += 1
        if (self._seen - 1) % EVERY:
            return
        values = {
            "position": decided.position,
            "worth/hedge": decided.worth.hedge,
            "worth/options": decided.worth.options,
            "worth/all": decided.worth.hedge + decided.worth.options,
            "drawdown": decided.worth.drawdown,
            **{f"regime_prob/{k}": float(value) for k, value in enumerate(seen.prob)},
            **{f"drift/{monitor}/{feature}": value for (monitor, feature), value in state.items()},
        }
        at = seen.at // 1_000_000
        self._waiting += [
            Metric(name, float(value), at, self._seen)
            for name, value in values.items()
            if math.isfinite(value)
        ]
        if len(self._waiting) >= AT_ONCE:
            self._write()

    def alarmed(self, alarm: Alarm) -> None:
        """Write an alarm at once."""
        self._open(self._day or f"{datetime.fromtimestamp(alarm.at / 1e9, UTC):%Y-%m-%d}")
        self._alarms.append(asdict(alarm))
        connect(self._mlruns).log_text(self._run_id, json.dumps(self._alarms, indent=1), "alarms.json")

    def adopted(self, model: str) -> None:
        """Name other models in the runs of the days to come."""
        self._model = model

    def close(self) -> None:
        """Write what is left and end the run."""
        if self._run_id:
            self._write()
            client = connect(self._mlruns)
            client.log_metric(self._run_id, "alarms", float(len(self._alarms)), 0, self._seen)
            client.set_terminated(self._run_id, RunStatus.to_string(RunStatus.FINISHED))
            self._run_id = ""

    def _open(self, day: str) -> None:
        if self._run_id and day == self._day:
            return
        self.close()
        client = connect(self._mlruns)
        experiment = experiment_id(client, self._mlruns, self._desk)
        end_orphans(client, experiment)
        tags = {"desk": self._desk, "kind": "live", "model": self._model, PROCESS: this_process()}
        run = client.create_run(experiment, run_name=f"live-{self._desk}-{day}", tags=tags)
        self._run_id, self._day = str(run.info.run_id), day
        self._seen, self._alarms = 0, []
        log_settings(client, self._run_id, {"day": day})

    def _write(self) -> None:
        connect(self._mlruns).log_batch(self._run_id, metrics=self._waiting)
        self._waiting = []
