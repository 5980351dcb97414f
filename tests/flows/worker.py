"""The engine of a flow run in the test's process, where a worker starts it in one of its own."""

from contextlib import suppress

from prefect.exceptions import Abort, Pause
from prefect.flow_engine import run_flow


def worked_off(flow, run):
    """Let a flow run go until it has ended, waits for a person, or was taken back before it began to wait."""
    with suppress(Abort, Pause):
        run_flow(flow, flow_run=run, return_type="state")
