"""What is known of the run that a report describes."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RunRecord:
    """Where the numbers of a report come from and what they took.

    Attributes
    ----------
    run : name of the run, also of its folder.
    code_version : hash of the source that made the datasets.
    dataset_keys : content-hash key of each dataset, by name.
    timings_s : wall-clock seconds of each stage.
    peak_memory_mb : largest resident memory; None where it was not measured.
    market : what the bars hold: source, first and last session, number of sessions.
    """

    run: str
    code_version: str
    dataset_keys: Mapping[str, str] = field(default_factory=dict)
    timings_s: Mapping[str, float] = field(default_factory=dict)
    peak_memory_mb: float | None = None
    market: Mapping[str, str | int] = field(default_factory=dict)
