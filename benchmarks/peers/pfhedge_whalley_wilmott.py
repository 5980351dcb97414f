"""pfhedge's Whalley–Wilmott hedge and P&L on given paths of the spot, on every core."""

import os
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from pfhedge.instruments import BrownianStock, EuropeanOption
from pfhedge.nn import Hedger, WhalleyWilmott
from worker import serve


class Problem:
    """A short European call and its hedger, set up once; `paths` is a file of [N, T+1] spots."""

    hedgers: dict[str, tuple[Hedger, EuropeanOption]]

    def set_up(self, paths: str, vol: float, dt: float, strike: float, cost: float) -> dict[str, Any]:
        torch.set_num_threads(os.cpu_count() or 1)
        spots = np.load(paths)
        self.hedgers = {}
        for precision in ("float32", "float64"):
            stock = BrownianStock(sigma=vol, cost=cost, dt=dt)
            option = EuropeanOption(stock, strike=strike, maturity=dt * (spots.shape[1] - 1))
            option.simulate(n_paths=1)
            stock.register_buffer("spot", torch.tensor(spots, dtype=getattr(torch, precision)))
            model = WhalleyWilmott(option)
            self.hedgers[precision] = (Hedger(model, model.inputs()), option)
        return {"torch": torch.__version__, "threads": torch.get_num_threads()}

    @torch.no_grad()
    def pnl(self, precision: str) -> torch.Tensor:
        hedger, option = self.hedgers[precision]
        return hedger.compute_pl(option)

    def round(self, precision: str) -> dict[str, Any]:
        started = perf_counter()
        self.pnl(precision)
        return {"seconds": perf_counter() - started}

    def used(self) -> dict[str, Any]:
        """Seconds of processor of one round in single precision on one thread."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        started = process_time()
        self.pnl("float32")
        seconds = process_time() - started
        torch.set_num_threads(threads)
        return {"seconds": seconds}

    def answer(self, precision: str, file: str) -> dict[str, Any]:
        np.save(file, self.pnl(precision).double().numpy())
        return {"file": file}


if __name__ == "__main__":
    problem = Problem()
    serve({"set_up": problem.set_up, "round": problem.round, "used": problem.used, "answer": problem.answer})
