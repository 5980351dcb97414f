"""Units of work in several processes of this machine."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipeline.domain.errors import StoreError
from pipeline.ingest.partitions import Call


@dataclass(frozen=True)
class LocalProcesses:
    """`Runner` that does calls in `count` processes, each on one thread."""

    count: int

    def __call__(self, calls: Sequence[Call]) -> None:
        """Do all calls; the first fault ends the rest.

        Raises
        ------
        StoreError
            A process died.
        """
        spawned = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(self.count, len(calls)), mp_context=spawned) as pool:
            done = [pool.submit(run_on_one_thread, call) for call in calls]
            try:
                for each in as_completed(done):
                    each.result()
            except BrokenProcessPool:
                raise StoreError(
                    f"one of {self.count} processes was killed, most often for want of memory: "
                    "run again with fewer (--runner local:N)"
                ) from None
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def run_on_one_thread(call: Call) -> str:
    """Do a call so that no number depends on how many cores there are."""
    with threadpool_limits(limits=1):
        return call.run()
