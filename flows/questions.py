"""Questions to people in Prefect: put as flow runs, answered on their pages or by a command, and read."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterName,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Cancelled
from prefect.utilities.urls import url_for
from pydantic import ValidationError

from flows.approval import KEY, approval
from pipeline.domain.errors import RiskError, StoreError
from pipeline.live.approvals import Answer, Answered, Asked

GIVEN: Final = f"suspended-{KEY}-response"
"""Under which Prefect keeps what was filled in."""
SECONDS: Final = 5.0
RETRIES: Final = 1
PATIENCE, EVERY = 10.0, 0.5
"""Seconds for a question that is on its way to suspend before it can be ended, and between two looks."""


@contextmanager
def reached(api: str) -> Iterator[SyncPrefectClient]:
    """Yield a client of the server at `api`.

    Raises
    ------
    StoreError
        It does not answer, or has no such deployment or run.
    """
    settings = {PREFECT_API_URL: api, PREFECT_CLIENT_MAX_RETRIES: RETRIES}
    try:
        with temporary_settings(settings), get_client({"timeout": SECONDS}, sync_client=True) as client:
            yield client
    except ObjectNotFound:
        raise StoreError(f"Prefect at {api} has no deployment of it: hedge up DESK makes it") from None
    except (httpx.HTTPError, RuntimeError) as error:
        raise StoreError(f"Prefect at {api} does not answer as it should: {_line(error)}") from None


def put(client: SyncPrefectClient, desk: str, question: Asked, until: datetime) -> UUID:
    """Put a question before people and return its flow run; one that is there already is not put twice."""
    deployment = client.read_deployment_by_name(f"{approval.name}/{desk}")
    run = client.create_flow_run_from_deployment(
        deployment.id,
        parameters={"desk": desk, "question": question.told, "until": until.isoformat()},
        name=question.request,
        idempotency_key=question.request,
    )
    return run.id


def page_of(run: UUID) -> str:
    """Return the address of a flow run's page, on which it is answered."""
    return url_for("flow-run", run) or ""


def waiting(api: str, desk: str, beginning: str) -> dict[str, str]:
    """Return the questions of a desk that can be answered now, by request, whose ids begin so.

    Raises
    ------
    StoreError
        The server does not answer, or has no deployment of it.
    """
    with reached(api) as client:
        deployment = client.read_deployment_by_name(f"{approval.name}/{desk}")
        runs = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED]))
            ),
        )
    return {run.name: str(run.parameters["question"]) for run in runs if run.name.startswith(beginning)}


def given(client: SyncPrefectClient, run: UUID, request: str) -> Answered | None:
    """Return the answer to a question; None where there is none yet."""
    try:
        told = client.read_flow_run_input(run, GIVEN)
    except (ObjectNotFound, httpx.HTTPStatusError) as error:
        if isinstance(error, httpx.HTTPStatusError) and error.response.status_code != httpx.codes.NOT_FOUND:
            raise
        return None
    try:
        return Answered(request, Answer.model_validate_json(told))
    except ValidationError as error:
        return Answered(request, None, f"what was filled in is no answer: {_line(error.errors()[0]['msg'])}")


def taken_back(client: SyncPrefectClient, run: UUID, why: str) -> bool:
    """End a question that nobody has answered, so that nobody does; return whether it has ended.

    One whose process is on its way to suspend is not ended yet: it would suspend all the same, and whoever
    found it then would answer to nobody.
    """
    state = client.read_flow_run(run).state
    if state is not None and (state.is_pending() or state.is_running()):
        return False
    if state is None or not state.is_final():
        client.set_flow_run_state(run, Cancelled(message=why), force=True)
    return True


def forget(api: str, request: str, why: str, seconds: float = PATIENCE, every: float = EVERY) -> bool:
    """End the question of a desk that has forgotten it; return whether nobody can answer it any more.

    Raises
    ------
    StoreError
        The server does not answer.
    """
    until = time.monotonic() + seconds
    with reached(api) as client:
        run = _run_of(client, request)
        while run is not None and not taken_back(client, run.id, why):
            if time.monotonic() >= until:
                return False
            time.sleep(every)
    return True


def answer_for(api: str, request: str, answer: Answer) -> None:
    """Fill in the form of a question.

    Raises
    ------
    RiskError
        It is not open: not put yet, answered already, taken back or over.
    StoreError
        The server does not answer.
    """
    with reached(api) as client:
        run = _run_of(client, request)
        state = None if run is None else run.state
        if run is None or state is None:
            raise RiskError(f"request {request} is not in Prefect at {api}: the desk has not reached it")
        if state.is_scheduled() or state.is_pending() or state.is_running():
            raise RiskError(
                f"request {request} is {state.name} in Prefect: answered already, or no worker has come to it"
            )
        if not state.is_paused():
            raise RiskError(f"request {request} is over: {state.name}: {state.message or 'no reason given'}")
        told = answer.model_dump(mode="json", exclude_none=True)
        done = client.resume_flow_run(run.id, run_input=told)
        if done.status is not SetStateStatus.ACCEPT:
            raise RiskError(f"request {request}: {getattr(done.details, 'reason', done.status)}")


def _run_of(client: SyncPrefectClient, request: str) -> FlowRun | None:
    found = client.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=[request])))
    return found[0] if found else None


def _line(error: object) -> str:
    said = str(error).strip().splitlines()
    return said[0] if said else type(error).__name__
