"""What is learned for the monitors when a champion is made, and its file: NPZ and JSON, free of pickle."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Self
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError, StoreError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.monitor.alarm import Observed
from pipeline.monitor.batches import BatchReference
from pipeline.monitor.change import Limits
from pipeline.monitor.concept_drift import StreamReference, learn_streams
from pipeline.monitor.data_drift import DataReference
from pipeline.monitor.distances import Null
from pipeline.monitor.hedging_error import HedgingErrors
from pipeline.monitor.likelihood import OneStep
from pipeline.monitor.ranks import SeasonalRanks
from pipeline.monitor.streams import Streams
from pipeline.regimes.gaussian import GaussianDetector

FALSE_ALARMS_A_DAY: Final = 0.1
"""Of each monitor, when nothing has changed."""
NULL: Final = ("mean", "freedom", "draws")


@dataclass(frozen=True)
class Reference:
    """What decisions were when a champion was learned.

    Attributes
    ----------
    data : the features that its models read.
    concept, pnl : streams by name, see `streams` and `hedging_error`.
    a_day, step_seconds : decisions in a day, and the time between two.
    """

    data: DataReference
    concept: Mapping[str, StreamReference]
    pnl: Mapping[str, StreamReference]
    a_day: int
    step_seconds: float

    def to_bytes(self) -> bytes:
        """Return everything as the bytes of an NPZ file."""
        data = self.data
        arrays: dict[str, np.ndarray] = {}
        for place, null in enumerate(data.nulls):
            arrays |= {f"null_{place}_{name}": getattr(null, name) for name in NULL}
        notes: dict[str, Any] = {
            "names": data.names, "minutes": data.ranks.minutes, "window": data.window,
            "a_day": self.a_day, "step_seconds": self.step_seconds,
        }  # fmt: skip
        for kind in ("concept", "pnl"):
            streams: Mapping[str, StreamReference] = getattr(self, kind)
            notes[kind] = {
                name: {"batch": each.batches.batch, "least": each.batches.least, **each.limits.as_numbers()}
                for name, each in streams.items()
            }
            arrays |= {f"{kind}_{name}": each.batches.means for name, each in streams.items()}
        arrays |= {"knots": data.ranks.knots, "counts": data.counts, "notes": np.array(json.dumps(notes))}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Rebuild a reference from `to_bytes`, exactly.

        Raises
        ------
        StoreError
            The content is not what this version of the code wrote.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                arrays = dict(file)
            notes = json.loads(str(arrays["notes"]))
            nulls = tuple(Null(*(arrays[f"null_{place}_{name}"] for name in NULL)) for place in range(3))
            ranks = SeasonalRanks(arrays["knots"], notes["minutes"])
            data = DataReference(tuple(notes["names"]), ranks, arrays["counts"], nulls, notes["window"])
            concept, pnl = (_streams(kind, notes[kind], arrays) for kind in ("concept", "pnl"))
            return cls(data, concept, pnl, notes["a_day"], notes["step_seconds"])
        except (KeyError, ValueError, TypeError, OSError, EOFError, BadZipFile) as error:
            raise StoreError(f"what the monitors learned cannot be read ({error}): learn it again") from None


def _streams(kind: str, notes: Mapping[str, Any], arrays: Mapping[str, Any]) -> dict[str, StreamReference]:
    return {
        name: StreamReference(
            BatchReference(arrays[f"{kind}_{name}"], each["batch"], each["least"]),
            Limits(each["threshold"], each["delta"]),
        )
        for name, each in notes.items()
    }


def watched_horizons(desk: IntradayDesk) -> tuple[int, ...]:
    """Return the horizons whose forecasts are watched: from a quarter of an option's life on.

    The variance of one or two decisions is mostly whether the price moved by a tick.
    """
    return tuple(each for each in desk.forecasts.horizons if desk.option.steps <= 4 * each)


def learn_reference(
    desk: IntradayDesk,
    features: pd.DataFrame,
    names: Sequence[str],
    held_out: Mapping[str, GaussianDetector],
    seen: Iterable[Observed],
) -> Reference:
    """Learn everything that the monitors of a desk compare with.

    Parameters
    ----------
    desk : settings.
    features : the decision grid that the models learned from.
    names : of it, what they read.
    held_out : detectors by the day that they have not seen, see `held_out.held_out`; of other days the
        likelihood is not learned.
    seen : decisions on forecasts that had not seen them, day by day, with the probabilities of those
        detectors and a position as the desk would have had.

    Raises
    ------
    DataError
        There are too few decisions.
    """
    errors, decisions = HedgingErrors(desk), list(seen)
    concept = learn_streams(streamed(desk, held_out, decisions), FALSE_ALARMS_A_DAY)
    try:
        pnl = learn_streams(
            ((each.day, errors.step(each)) for each in decisions), FALSE_ALARMS_A_DAY, batch=1
        )
    except DataError:
        pnl = {}
    a_day = int(features.groupby("day").size().max())
    step = float(features["step_seconds"].iloc[-1])
    return Reference(DataReference.learn(features, names), concept, pnl, a_day, step)


def streamed(
    desk: IntradayDesk, held_out: Mapping[str, GaussianDetector], decisions: Iterable[Observed]
) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Yield the day of each decision and what it makes known, by the detector that has not seen the day."""
    for day, seen in groupby(decisions, key=lambda each: each.day):
        likelihood = OneStep(held_out[day]) if day in held_out else None
        streams = Streams(watched_horizons(desk), likelihood)
        yield from ((day, streams.step(each)) for each in seen)
