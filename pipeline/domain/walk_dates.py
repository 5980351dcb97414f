"""From when a desk learns, and on which days it is tested."""

import itertools
from datetime import date
from typing import Self

from pydantic import model_validator

from pipeline.domain.errors import SettingsError
from pipeline.domain.settings import Settings


class WalkDates(Settings):
    """The four dates of a walk-forward over days."""

    learn_start: date
    """Regimes and forecasts learn from here."""
    signals_start: date
    """First day with out-of-sample signals; hedgers train from here on."""
    test_start: date
    test_end: date

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        dates = (self.learn_start, self.signals_start, self.test_start, self.test_end)
        if not all(early < late for early, late in itertools.pairwise(dates)):
            raise ValueError("dates must run learn_start < signals_start < test_start < test_end")
        return self

    def through(self, day: date, newest: str) -> Self:
        """Return the dates with `day` as `test_end`: that of the `newest` session, chain or quote there is.

        Raises
        ------
        SettingsError
            The test period would end before it starts.
        """
        if day <= self.test_start:
            raise SettingsError(
                f"windows.test_start is {self.test_start}, the newest {newest} is of {day}: start earlier"
            )
        return self.model_copy(update={"test_end": day})
