"""Flows run in this process, on a private Prefect server when there is no other."""

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows import interrupts
from flows.private_server import PrivateServer
from pipeline.domain.home import Home

MODULES: Mapping[str, str] = {
    "ingest": "flows.stages",
    "features": "flows.stages",
    "train": "flows.stages",
    "backtest": "flows.stages",
    "hedge_pipeline": "flows.hedge_pipeline",
    "daily_decision": "flows.decision",
}
"""Where each flow is defined."""
TRACKED = frozenset({"hedge_pipeline"})
"""Flows that end in MLflow."""


def run_here(flow: str, desk: str, home: str | None = None, force: bool = False, **parameters: Any) -> Any:
    """Run a flow of `MODULES` by name and return its result; its exceptions are raised as `failures` says.

    Without a server (`PREFECT_API_URL`) a private one is started. It starts while the flow's modules, which
    are heavy, are imported and MLflow's database, which takes seconds in a fresh home, is made. It gets no
    heartbeats: it does not outlive the run that they would watch over, and each costs a second at its end.
    """
    interrupts.remember()
    if os.environ.get("PREFECT_API_URL"):
        return getattr(importlib.import_module(MODULES[flow]), flow)(desk, home, force, **parameters)
    server = PrivateServer(Path(os.environ["PREFECT_HOME"]))
    os.environ["PREFECT_API_URL"] = server.url
    chosen = getattr(importlib.import_module(MODULES[flow]), flow)
    if flow in TRACKED:
        from pipeline.tracking.database import connect

        connect(Home.find(Path(home) if home else None).mlruns)
    server.wait()

    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        result = chosen(desk, home, force, **parameters)
    interrupts.check()
    return result
