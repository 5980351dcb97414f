"""pfhedge's own example of a no-transaction-band network, trained a few epochs at a time."""

from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from pfhedge.instruments import BrownianStock, EuropeanOption
from pfhedge.nn import BlackScholes, Clamp, Hedger, MultiLayerPerceptron
from torch.nn import Module
from torch.nn.functional import leaky_relu
from worker import serve


class NoTransactionBandNet(Module):
    """The network of its README and of the paper's authors."""

    def __init__(self, derivative: EuropeanOption) -> None:
        super().__init__()
        self.delta = BlackScholes(derivative)
        self.mlp = MultiLayerPerceptron(out_features=2)
        self.clamp = Clamp()

    def inputs(self) -> list[str]:
        return [*self.delta.inputs(), "prev_hedge"]

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        held, seen = features[..., [-1]], features[..., :-1]
        delta, width = self.delta(seen), self.mlp(seen)
        low, high = delta - leaky_relu(width[..., [0]]), delta + leaky_relu(width[..., [1]])
        return self.clamp(held, min=low, max=high)


class Problem:
    """An option and a hedger in training, set up once."""

    def set_up(self, steps: int, dt: float, seed: int, **market: float) -> dict[str, Any]:
        """`market`: sigma, mu and cost."""
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        stock = BrownianStock(dt=dt, **market)
        self.option = EuropeanOption(stock, maturity=steps * dt)
        model = NoTransactionBandNet(self.option)
        self.hedger = Hedger(model, model.inputs())
        self.option.simulate(n_paths=1)
        with torch.no_grad():
            self.hedger.compute_pl(self.option)  # its layers take their sizes here
        self.optimizer = torch.optim.Adam(model.parameters())
        return {"torch": torch.__version__}

    def train(self, epochs: int, paths: int) -> dict[str, Any]:
        """Seconds of that many epochs; without its validation, which would take more."""
        started, wall = process_time(), perf_counter()
        plan = {"n_paths": paths, "n_epochs": epochs, "optimizer": self.optimizer}
        self.hedger.fit(self.option, **plan, validation=False, verbose=False)
        return {"seconds": process_time() - started, "wall": perf_counter() - wall}

    @torch.no_grad()
    def answer(self, paths: str, file: str) -> dict[str, Any]:
        """Write the P&L on a file of paths [N, T+1]."""
        self.option.ul().register_buffer("spot", torch.tensor(np.load(paths), dtype=torch.float32))
        np.save(file, self.hedger.compute_pl(self.option).double().numpy())
        return {"file": file}


if __name__ == "__main__":
    problem = Problem()
    serve({"set_up": problem.set_up, "train": problem.train, "answer": problem.answer})
