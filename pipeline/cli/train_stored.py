"""`hedge train --policy` of hedgers that learn from what the desk has stored: days, or quotes of options."""

from typing import TYPE_CHECKING, Any

from pipeline.cli.running import run_flow
from pipeline.domain.desk_file import StoringDesk
from pipeline.domain.errors import DataError
from pipeline.domain.home import Home
from pipeline.learning.stored_learners import trainer_of

if TYPE_CHECKING:
    from pipeline.deep.trainer import Trainer


def stored_trainer(
    named: str,
    desk: StoringDesk,
    home: Home,
    force: bool,
    policy: str,
    steps: int | None,
    episodes: int | None,
    seed: int | None,
    rate: float | None,
) -> "Trainer[Any]":
    """Return the trainer of a policy, on what is stored from before the test, which is made if need be.

    `named` is the desk as the user calls it.
    """
    key = run_flow("train", named, home, force)
    from flows.datasets import store_of
    from pipeline.learning.stored_in_a_run import stored_before
    from pipeline.tracking.own_costs import with_own_costs

    charged = with_own_costs(desk, home.mlruns)
    assert isinstance(charged, StoringDesk)  # of the kind that it was
    first = next(stored_before(charged, store_of(str(home.root)).open(key)), None)
    if first is None:
        raise DataError(f"{named}: nothing is stored from windows.test_start on: move it earlier")
    return trainer_of(policy, charged, first[1], steps, episodes, desk.seed if seed is None else seed, rate)
