"""A walk that goes on without fitting: the last models on sessions that came after they were fitted."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError, StoreError
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.catalogue import restore
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.intervals import Calibration, Interval, adaptive_interval


@dataclass(frozen=True)
class Continuation:
    """What the last window of a walk leaves, so that later sessions are forecast as the walk would.

    Attributes
    ----------
    models : fitted forecasters by name: the chosen one, for an event its base rate, and what else was kept.
    chosen : name of the model that the hedgers are given.
    first, boundary : first session of all windows, and of the last one.
    past : [B] forecasts of the chosen model from `first` until before `boundary`.
    calibrations : log residuals that the interval learned from in each window; none for an event.
    offset : sessions until an outcome is known.
    unit : what a forecast of 1 stands for; the median training session of illiquidity, else 1.
    """

    models: Mapping[str, Forecaster]
    chosen: str
    first: pd.Timestamp
    boundary: pd.Timestamp
    past: FloatArray
    calibrations: Sequence[Calibration]
    offset: int
    unit: float = 1.0

    def forecast(self, features: pd.DataFrame, model: str | None = None) -> "pd.Series[float]":
        """Return the forecasts of the chosen model, or of another kept one, from `boundary` on.

        `features` are those of all sessions since learning started, on a 0 … T−1 index.
        """
        values = self.models[model or self.chosen].predict(features)
        return pd.Series(values, index=features.index)[self.places(features)[1] :]

    def interval(self, features: pd.DataFrame, outcome: FloatArray) -> Interval:
        """Return the adaptive interval from `boundary` on; it remembers every outcome since `first`.

        `outcome` [T] is what came at each row of `features`; NaN where it is not known yet.
        """
        first, boundary = self.places(features)
        ahead = self.forecast(features).to_numpy(dtype=float)
        task = self.models[self.chosen].task
        y = task.floored(outcome[first:])
        found = adaptive_interval(np.append(self.past, ahead), y, self.offset, self.calibrations)
        return Interval(found.lower[boundary - first :], found.upper[boundary - first :])

    def to_bytes(self) -> bytes:
        """Return everything as the bytes of an NPZ file, free of pickle."""
        notes = {
            "models": {name: model.to_state() for name, model in self.models.items()},
            "chosen": self.chosen,
            "first": self.first.isoformat(),
            "boundary": self.boundary.isoformat(),
            "offset": self.offset,
            "unit": self.unit,
            "starts": [each.start for each in self.calibrations],
        }
        arrays = {f"residuals_{k}": each.residuals for k, each in enumerate(self.calibrations)}
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer, allow_pickle=False, notes=np.array(json.dumps(notes)), past=self.past, **arrays
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Rebuild a continuation from `to_bytes`, exactly.

        Raises
        ------
        StoreError
            The content is not what this version of the code wrote.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                notes = json.loads(str(arrays["notes"]))
                calibrations = [
                    Calibration(start, arrays[f"residuals_{k}"]) for k, start in enumerate(notes["starts"])
                ]
                return cls(
                    models={name: restore(state) for name, state in notes["models"].items()},
                    chosen=notes["chosen"],
                    first=pd.Timestamp(notes["first"]),
                    boundary=pd.Timestamp(notes["boundary"]),
                    past=arrays["past"],
                    calibrations=calibrations,
                    offset=notes["offset"],
                    unit=notes["unit"],
                )
        except (KeyError, ValueError, TypeError, OSError) as error:
            raise StoreError(f"saved forecaster cannot be read ({error}): train it again") from None

    def places(self, features: pd.DataFrame) -> tuple[int, int]:
        """Return the rows of `first` and `boundary`; the latter may be the one after the last.

        Raises
        ------
        DataError
            The sessions between them are not those that the models were walked over.
        """
        clock = "session" if "session" in features else "time"
        sessions = pd.DatetimeIndex(features[clock])
        first, boundary = (int(sessions.searchsorted(day)) for day in (self.first, self.boundary))
        begun = first < len(sessions) and sessions[first] == self.first
        goes_on = boundary == len(sessions) or sessions[boundary] == self.boundary
        if not (begun and goes_on) or boundary - first != len(self.past):
            raise DataError(
                f"the data does not hold the {len(self.past)} {clock}s from {_told(self.first)} to "
                f"{_told(self.boundary)} on which the champion was learned: give the whole history, or make "
                "a new champion"
            )
        return first, boundary


def _told(when: pd.Timestamp) -> str:
    return str(when.date()) if when == when.normalize() else str(when)
