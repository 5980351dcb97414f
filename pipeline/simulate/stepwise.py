"""Processes that were fitted to one spacing of the data and know no other."""

from abc import ABC
from dataclasses import dataclass

from pipeline.simulate.process import Process


@dataclass(frozen=True, kw_only=True)
class StepwiseProcess(Process, ABC):
    """A process whose parameters hold for one step.

    Attributes
    ----------
    step : years of a step.

    Raises
    ------
    SettingsError
        The step is not positive, or a simulation asks for another.
    """

    step: float = 1 / 252

    def __post_init__(self) -> None:
        super().__post_init__()
        self.need(self.step > 0.0, f"step {self.step}: give the years of a step")

    def check_step(self, dt: float) -> None:
        """See `Process.check_step`."""
        self.need(
            abs(dt / self.step - 1.0) < 1e-9,
            f"a step of {dt:g} years, but its parameters hold for {self.step:g}: simulate at that step "
            "or fit them at the other",
        )
