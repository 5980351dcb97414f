"""Seconds of training to the premium of Imaki et al.'s European case: ours beside pfhedge's own example.

pfhedge trains its no-transaction-band network as its README does, 10 000 paths an epoch, in single precision,
in the same market (`deep_hedging.imaki`). Every few epochs it hedges the same test paths as our network, both
paired with the programme's bands; its seconds are those until its premium is at or below .022545, the bound
on ours. Where it is not there after `PATIENCE` times our seconds, these count: the ratio is then at
least that. Seconds are the processor's, of one thread for all that PyTorch does.

`python -m benchmarks.run deep_speed`.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.deep_hedging import PLAN, VOLATILITY, earned, imaki, optimum, programme_of
from benchmarks.learned import TEST_SEED, ProgrammeBand, excess, trained
from benchmarks.measurement import Measurement
from benchmarks.peer import Peer

BOUND, PATIENCE = 0.022545, 3.2
STEPS = 150
EPOCHS, EPOCH_PATHS, TEST_PATHS = 10, 10_000, 200_000


def measure() -> Iterator[Measurement]:
    """Train ours, then pfhedge's until it has the premium or has had its time."""
    task = imaki()
    with threadpool_limits(limits=1):
        network, seconds = trained(task, replace(PLAN, steps=STEPS))
        policies = {"network": network.policy(), "programme": ProgrammeBand(programme_of(task))}
        found = earned(task, policies, TEST_SEED, TEST_PATHS)
    exact, best = optimum(task), found["programme"]
    ours = exact + excess(found["network"], best, 1.0)[0]
    if ours > BOUND:
        raise RuntimeError(f"ours ends at {ours:.7f}, above {BOUND}: nothing can be compared")
    spent, epochs, theirs = 0.0, 0, np.inf
    with TemporaryDirectory() as folder, Peer("pfhedge_band") as peer:
        paths, file = Path(folder) / "paths.npy", Path(folder) / "pnl.npy"
        np.save(paths, task.paths(TEST_PATHS, task.middle, seed=TEST_SEED, first=0))
        facts = peer.ask(
            "set_up",
            steps=task.steps,
            dt=task.interval,
            sigma=VOLATILITY,
            mu=task.process.drift,
            cost=task.cost[0],
            seed=7,
        )
        while theirs > BOUND and spent < PATIENCE * seconds["processor_seconds"]:
            spent += peer.ask("train", epochs=EPOCHS, paths=EPOCH_PATHS)["seconds"]
            epochs += EPOCHS
            peer.ask("answer", paths=str(paths), file=str(file))
            theirs = exact + excess(np.load(file), best, 1.0)[0]
            print(f"  pfhedge after {epochs} epochs, {spent:.1f} s: {theirs:.7f}", flush=True)
    used = seconds["processor_seconds"]
    print(f"ours {ours:.7f} in {used:.1f} s, exact {exact:.7f}; ratio {spent / used:.2f}")
    detail = {"premium": ours, "peer_premium": theirs, "peer_epochs": epochs, "peer_arrived": theirs <= BOUND}
    detail |= {"exact": exact, "wall_seconds": seconds["wall_seconds"], **facts}
    yield Measurement("deep_speed.imaki", "s", used, spent, spent / used, detail=detail)


if __name__ == "__main__":
    for _ in measure():
        pass
