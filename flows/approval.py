"""A person is asked by a flow run that suspends until its form is filled in, or its deadline has passed."""

from datetime import UTC, datetime
from typing import Any, Final

from prefect import flow, suspend_flow_run
from prefect.input import RunInput

from pipeline.live.approvals import Answer

KEY: Final = "answer"
LEAST_SECONDS: Final = 1


@flow(name="approval")
def approval(desk: str, question: str, until: datetime) -> dict[str, Any]:
    """Ask whether a desk may do what it asks for; return what was answered.

    The run suspends, and Resume on its page shows the form. A desk reads the answer as soon as it is given. A
    run that nobody answers in time fails: silence means no.

    Parameters
    ----------
    desk : its name.
    question : what it wants to do, and why it asks; Markdown.
    until : the last moment that an answer counts.
    """
    left = (until - datetime.now(UTC)).total_seconds()
    rule = f"Answer before {until:%Y-%m-%d %H:%M:%S} UTC; silence means no."
    form = RunInput.subclass_from_base_model_type(Answer).with_initial_data(
        description=f"**{desk}**: {question}\n\n{rule}"
    )
    answer = suspend_flow_run(wait_for_input=form, timeout=max(int(left), LEAST_SECONDS), key=KEY)
    return answer.model_dump(mode="json")
