"""A hedger along one path that runs through many windows: in each the policy that was fitted before it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.band import Band
from pipeline.domain.errors import DataError
from pipeline.domain.market_state import MarketState
from pipeline.policies.base import Policy, reads_path, reads_position
from pipeline.policies.exposure import held


@dataclass(frozen=True)
class ByWindow:
    """The fits of one policy by window, and the window of each step of the path, [T].

    Where no option is held there is no position.
    """

    name: str
    fits: Mapping[int, Policy]
    windows: NDArray[np.int64]

    @property
    def reads_position(self) -> bool:
        """Whether the policy reads the desk's own state."""
        return any(map(reads_position, self.fits.values()))

    @property
    def reads_path(self) -> bool:
        """Whether the policy reads what came before a decision."""
        return any(map(reads_path, self.fits.values()))

    def band(self, state: MarketState) -> Band:
        """Return the band at each time of `state`, from the policy fitted before the window of its step.

        Raises
        ------
        DataError
            Options are held before the first window that a policy was fitted for.
        """
        windows = self.windows[state.step]
        parts = {window: self._fitted_before(window).band(state) for window in np.unique(windows).tolist()}
        edges = {
            field.name: np.concatenate(
                [getattr(parts[window], field.name)[:, times] for window, times in _runs(windows)], axis=1
            )
            for field in fields(Band)
        }
        limit = np.where(np.asarray(held(state)) > 0.0, np.inf, 0.0)
        return Band(**edges).clipped(-limit, limit)

    def _fitted_before(self, window: int) -> Policy:
        """Return the fit of a window, or of the last before it: none is made for a window without starts."""
        known = [each for each in self.fits if each <= window]
        if not known:
            raise DataError(
                f"the book holds options in window {window}, before any policy is fitted: start it later or "
                "move windows.test_start earlier"
            )
        return self.fits[max(known)]


def _runs(windows: NDArray[np.int64]) -> list[tuple[int, slice]]:
    first = np.flatnonzero(np.diff(windows, prepend=windows[0] - 1))
    return [
        (int(windows[start]), slice(int(start), int(stop)))
        for start, stop in zip(first, [*first[1:], len(windows)], strict=True)
    ]
