"""Path-steps per second: the backtest kernel against the same loop in NumPy over all paths at once.

Bands and prices are given; both clamp, trade and book 100 000 paths of 30 steps. Runs are interleaved, the
best of nine counts. Run with `python benchmarks/kernel.py`.
"""

import time
from collections.abc import Callable

import numpy as np

from pipeline.backtest.ledger import Market, book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.band import Band
from pipeline.domain.instruments import Liability
from pipeline.policies.whalley_wilmott import WhalleyWilmott
from pipeline.simulate import gbm

PATHS, STEPS, ROUNDS = 100_000, 30, 9


def in_numpy(market: Market, band: Band) -> np.ndarray:
    price, cost = market.price[..., 0], market.cost[..., 0]
    lower, upper = band.lower[..., 0], band.upper[..., 0]
    held = np.zeros(len(price))
    pnl = market.premium - market.payoff
    for k in range(lower.shape[1]):
        wanted = np.clip(held, lower[:, k], upper[:, k])
        pnl = pnl - cost[:, k] * np.abs(wanted - held) * price[:, k]
        held = wanted
        pnl = pnl + held * (price[:, k + 1] - price[:, k])
    return pnl - cost[:, -1] * np.abs(held) * price[:, -1]


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main() -> None:
    paths = gbm.simulate(100.0, 0.2, dt=1 / 365, steps=STEPS, paths=PATHS, rng=np.random.default_rng(1))
    state, market = simulated_episodes(
        paths,
        0.2,
        Liability.of("call", "short"),
        strike=100.0,
        interval=1 / 365,
        cost=1e-3,
        risk_aversion=1.0,
    )
    band = WhalleyWilmott().band(state)
    np.testing.assert_allclose(book(market, band).pnl, in_numpy(market, band), rtol=1e-10, atol=1e-12)
    best = {"kernel": np.inf, "numpy": np.inf}
    for _ in range(ROUNDS):
        best["kernel"] = min(best["kernel"], seconds(lambda: book(market, band)))
        best["numpy"] = min(best["numpy"], seconds(lambda: in_numpy(market, band)))
    for name, taken in best.items():
        print(f"{name:8} {PATHS * STEPS / taken / 1e6:8.1f} M path-steps/s")
    print(f"ratio    {best['numpy'] / best['kernel']:8.2f}")


if __name__ == "__main__":
    main()
