"""A ten-year guarantee in a market that jumps, hedged monthly: a learned band beside delta (Carbonneau 2021).

max(G − A_T, 0) is owed, G = A_0 = 100, on a fund that follows Merton's market: σ = 13 %, a jump every four
years of −15 % ± 15 % on average, no drift, 20 bp a trade, unwind charged. The parameters are ours, the
question is the paper's: does the network leave less risk than delta? It sees time and price, starts from
Zakamouline's band at the volatility of diffusion and jumps together, and is trained for CVaR95.

Its rivals: delta at that volatility, and delta and Zakamouline's band with the volatility that they are told
chosen on paths of their own. Test paths chose nothing.

`python -m benchmarks.run deep_guarantee`; some two minutes on two cores.
"""

from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.deep_heston import with_error
from benchmarks.learned import DEVICE, TEST_SEED, earned, prior_of, tested, trained
from benchmarks.measurement import Measurement
from pipeline.backtest.ledger import book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.deep.market_task import MarketTask
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.risk import Cvar
from pipeline.deep.sequence_network import Shape
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.risk_measures import cvar
from pipeline.policies.base import Policy
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.zakamouline import Zakamouline
from pipeline.simulate.jump_law import JumpLaw
from pipeline.simulate.merton import Merton
from pipeline.simulate.payoffs import Guarantee

YEARS, STEPS, DT, COST, LEVEL, AVERSION = 10.0, 120, 1 / 12, 2e-3, 0.95, 0.2
JUMPS = JumpLaw(intensity=0.25, mean=-0.15, deviation=0.15)
MARKET = Merton(volatility=0.13, jumps=JUMPS)
VOLATILITY = float(np.sqrt(MARKET.volatility**2 + JUMPS.intensity * (JUMPS.mean**2 + JUMPS.deviation**2)))
PUT = Liability.of("put", "short")
PLAN = TrainingPlan(steps=300, paths=4096, learning_rate=0.005, hidden=(24, 24), seed=7, device=DEVICE)
TEST_PATHS, TUNING_SEED, TUNING_PATHS = 200_000, 11, 20_000
TOLD = tuple(round(0.1 + 0.01 * k, 2) for k in range(16))
RIVALS: dict[str, Policy] = {"delta": DeltaImplied(), "zakamouline": Zakamouline()}


def task() -> MarketTask:
    """Return what the network learns."""
    prior = prior_of(PUT, VOLATILITY, steps=STEPS, interval=DT, cost=COST, aversion=AVERSION)
    return MarketTask(
        process=MARKET,
        owed=Guarantee(amount=100.0, account=100.0, years=YEARS),
        steps=STEPS,
        interval=DT,
        cost=(COST,),
        sees=("left", "level", "standing"),
        shape=Shape("band"),
        prior=prior,
        risk=Cvar(LEVEL),
    )


def booked(policy: Policy, told: float, spot: FloatArray) -> FloatArray:
    """Return the P&L [N] of a rule that is told a volatility, by the ledger."""
    state, market = simulated_episodes(
        spot, told, PUT, strike=100.0, interval=DT, cost=COST, risk_aversion=AVERSION
    )
    return np.asarray(book(market, policy.band(state)).pnl)


def tuned(policy: Policy) -> float:
    """Return the volatility to tell a rule that leaves it the least risk on tuning paths."""
    spot = MARKET.simulate(paths=TUNING_PATHS, steps=STEPS, dt=DT, seed=TUNING_SEED).spot
    return min(TOLD, key=lambda told: float(cvar(booked(policy, told, spot), LEVEL)))


def measure() -> Iterator[Measurement]:
    """Train and judge; yield what the learned band takes off delta's risk, as it is and tuned."""
    with threadpool_limits(limits=1):
        own = task()
        network, seconds = trained(own, PLAN)
        ours, untrained = tested(own, TEST_PATHS, earned(own, network), earned(own, own.learner(PLAN)))
        spot = MARKET.simulate(paths=TEST_PATHS, steps=STEPS, dt=DT, seed=TEST_SEED).spot
        told = {name: tuned(policy) for name, policy in RIVALS.items()}
        found = {"untrained": untrained, "delta": booked(DeltaImplied(), VOLATILITY, spot)}
        found |= {f"{who}, told {vol:.0%}": booked(RIVALS[who], vol, spot) for who, vol in told.items()}
    risk, error = with_error(ours, LEVEL)
    print(f"\nguarantee: CVaR95 {risk:.3f} +- {error:.3f}, mean loss {-ours.mean():.3f}; {seconds}")
    off = {who: with_error(ours, LEVEL, pnl) for who, pnl in found.items()}
    for who, pnl in found.items():
        less, paired = off[who]
        print(
            f"  {who:24} {with_error(pnl, LEVEL)[0]:.3f}, mean loss {-pnl.mean():.3f}; "
            f"the learned band has {less:+.3f} +- {paired:.3f}"
        )
    tuned_rival = min((who for who in off if "told" in who), key=lambda who: -off[who][0])
    for name, who in (("over_delta", "delta"), ("over_tuned", tuned_rival)):
        less, paired = off[who]
        detail = {"ours": risk, "rival": who, "error": paired} | dict(seconds)
        yield Measurement(f"deep_guarantee.{name}", "money", less, detail=detail)


if __name__ == "__main__":
    for _ in measure():
        pass
