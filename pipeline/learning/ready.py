"""Whether the hedgers that a desk's run trains can be trained here."""

from importlib import import_module
from typing import Final

from pipeline.domain.desk_file import AnyDesk
from pipeline.learning.learners import chosen_device
from pipeline.policies.learns import SIMULATED, learns_from
from pipeline.policies.saved_network import EXTRAS

PACKAGES: Final = {"deep": "pipeline.deep", "rl": "pipeline.agents"}
"""By extra the package that cannot be imported without it."""


def check_ready(desk: AnyDesk) -> None:
    """Refuse trainings of `policies.train` that cannot be done here, before hours of anything else.

    Raises
    ------
    SettingsError
        The extra that trains one is not installed, or as `learners.chosen_device`; it names the remedy.
    """
    for policy, plan in desk.policies.train.items():
        for extra in (extra for extra, policies in EXTRAS.items() if policy in policies):
            import_module(PACKAGES[extra])
        if learns_from(desk, policy) == SIMULATED:
            chosen_device(policy, plan.device)
