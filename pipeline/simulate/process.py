"""What every simulated market is: a price process that fills paths from its shocks."""

import os
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.simulate.noise import LANES, draws
from pipeline.simulate.paths import Paths


@dataclass(frozen=True, kw_only=True)
class Process(ABC):
    """A price process; the frozen fields are its parameters.

    Attributes
    ----------
    spot : price at the start, money.
    drift : μ, annual, continuous: E S_t = S_0 e^{μt}. Zero, a martingale, unless told otherwise.

    Notes
    -----
    The same seed gives the same bits with any number of threads and any batch: shocks are a function of
    seed, path and step (`noise`). Where a process has its price's own shock it is the first normal, and the
    variance's is the second: processes with one seed can be compared path by path.

    Raises
    ------
    SettingsError
        A parameter cannot be, as the subclass says.
    """

    name: ClassVar[str]
    blocks: ClassVar[int] = 1
    """Blocks of four shocks a step, see `noise.draws`."""
    spot: float = 100.0
    drift: float = 0.0

    def __post_init__(self) -> None:
        self.need(0.0 < self.spot < np.inf, f"spot {self.spot}: give a positive price")
        self.need(np.isfinite(self.drift), f"drift {self.drift}: give a finite annual rate")

    def simulate(
        self, *, paths: int, steps: int, dt: float, seed: int, first: int = 0, threads: int | None = None
    ) -> Paths:
        """Simulate N paths of T steps of Δt years.

        Parameters
        ----------
        paths, steps : N and T.
        dt : Δt, years.
        seed : the shocks depend on it, on the number of the path and on that of the step, and on no more.
        first : number of the first path: batch after batch gives what one call would.
        threads : by default one for every core that this process may use.

        Returns
        -------
        Paths
            `spot`, `variance` and `regime`, [N, T+1] each.

        Raises
        ------
        SettingsError
            No paths, steps or time, or a step too long for the process.
        """
        self.need(
            paths > 0 and steps > 0 and first >= 0, f"{paths} paths of {steps} steps: at least 1 of each"
        )
        self.need(0.0 < dt < np.inf, f"a step of {dt} years: give a positive time")
        self.check_step(dt)
        out = Paths.empty(paths, steps, dt)
        starts = range(0, paths, LANES)

        def work(start: int) -> None:
            noise = draws(seed, first=first + start, steps=steps, blocks=self.blocks)
            part = out.episodes(slice(start, start + LANES))
            self.fill(np.ascontiguousarray(noise[..., : len(part.spot)]), part)

        workers = min(threads or len(os.sched_getaffinity(0)), len(starts))
        if workers == 1:
            for start in starts:
                work(start)
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(work, starts))
        return out

    @abstractmethod
    def fill(self, noise: FloatArray, out: Paths) -> None:
        """Write the paths that the shocks [T, B, 4, N] make into `out`, every column."""

    def check_step(self, dt: float) -> None:  # noqa: B027 - most processes take any step
        """Raise `SettingsError` where the process cannot be simulated in steps of Δt years."""

    def need(self, holds: bool | np.bool_, fault: str) -> None:
        """Raise `SettingsError` with the process's name before the fault unless a condition holds."""
        if not holds:
            raise SettingsError(f"{self.name}: {fault}")
