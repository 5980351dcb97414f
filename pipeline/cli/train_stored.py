"""`hedge train --policy` of a desk within the day: a hedger that learns from the desk's stored days."""

from typing import TYPE_CHECKING, Any

from pipeline.cli.running import run_flow
from pipeline.domain.errors import SettingsError
from pipeline.domain.home import Home
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.naming import hint
from pipeline.learning.stored_learners import STORED_LEARNERS, trainer_of

if TYPE_CHECKING:
    from pipeline.deep.trainer import Trainer


def stored_trainer(
    named: str,
    desk: IntradayDesk,
    home: Home,
    force: bool,
    policy: str,
    steps: int | None,
    episodes: int | None,
    seed: int | None,
    rate: float | None,
) -> "Trainer[Any]":
    """Return the trainer of a policy, on the signals of the days before the test, which are made if need be.

    `named` is the desk as the user calls it.
    """
    if policy not in STORED_LEARNERS:
        raise SettingsError(
            f"--policy {policy} does not learn from stored days; {hint(policy, STORED_LEARNERS)}"
        )
    key = run_flow("train", named, home, force)
    from flows.datasets import store_of
    from pipeline.backtest.stored_days import StoredDays
    from pipeline.tracking.own_costs import with_own_costs

    signals = store_of(str(home.root)).open(key)
    charged = with_own_costs(desk, home.mlruns)
    assert isinstance(charged, IntradayDesk)  # of the kind that it was
    days = StoredDays.of(charged, signals["signals"], signals["fills"])
    return trainer_of(policy, charged, days, steps, episodes, desk.seed if seed is None else seed, rate)
