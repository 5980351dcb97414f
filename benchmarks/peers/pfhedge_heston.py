"""pfhedge's Heston paths, in single precision (its default, and faster) on every core."""

import os
from time import perf_counter, process_time
from typing import Any

import torch
from pfhedge.stochastic import generate_heston
from worker import serve


class Problem:
    """Parameters of the market, set up once."""

    arguments: dict[str, Any]

    def set_up(self, paths: int, steps: int, dt: float, start: float, **market: float) -> dict[str, Any]:
        """Its `n_steps` counts the start as one."""
        torch.set_num_threads(os.cpu_count() or 1)
        self.arguments = dict(n_paths=paths, n_steps=steps + 1, dt=dt, init_state=(100.0, start), **market)
        return {"torch": torch.__version__, "threads": torch.get_num_threads()}

    @torch.no_grad()
    def paths(self) -> torch.Tensor:
        return generate_heston(**self.arguments).spot

    def round(self) -> dict[str, Any]:
        started = perf_counter()
        self.paths()
        return {"seconds": perf_counter() - started}

    def used(self) -> dict[str, Any]:
        """Seconds of processor of one round."""
        started = process_time()
        self.paths()
        return {"seconds": process_time() - started}

    def answer(self, strike: float) -> dict[str, Any]:
        """Mean price and mean call payoff at the end, with their standard errors."""
        last = self.paths()[:, -1].double()
        paid = (last - strike).clamp(min=0.0)
        root = len(last) ** 0.5
        return {
            "spot": last.mean().item(),
            "spot_error": last.std().item() / root,
            "call": paid.mean().item(),
            "call_error": paid.std().item() / root,
        }


if __name__ == "__main__":
    problem = Problem()
    serve({"set_up": problem.set_up, "round": problem.round, "used": problem.used, "answer": problem.answer})
