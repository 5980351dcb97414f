"""Whether the hedgers that a desk's run trains can be trained here."""

from importlib import import_module
from typing import Final

from pipeline.domain.desk import Desk
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.learning.learners import chosen_device
from pipeline.policies.saved_network import EXTRAS

PACKAGES: Final = {"deep": "pipeline.deep", "rl": "pipeline.agents"}
"""By extra the package that cannot be imported without it."""


def check_ready(desk: Desk | IntradayDesk) -> None:
    """Refuse trainings of `policies.train` that cannot be done here, before hours of anything else.

    Raises
    ------
    SettingsError
        The extra that trains one is not installed, or as `learners.chosen_device`; it names the remedy.
    """
    for policy, plan in desk.policies.train.items():
        for extra in (extra for extra, policies in EXTRAS.items() if policy in policies):
            import_module(PACKAGES[extra])
        if isinstance(desk, Desk):
            chosen_device(policy, plan.device)
