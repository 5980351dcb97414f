"""How wide a daily rebalancer's band should be: entropic risk by the share of Whalley and Wilmott's width.

Black-Scholes market, 21 sessions, short at-the-money call on 100, risk aversion 1, unwind charged. Whalley
and Wilmott's width is for continuous trading; with one trade a day a fraction of it is best. Run with
`python benchmarks/band_scale.py`; takes about half a minute.
"""

import numpy as np

from pipeline.backtest.ledger import book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.band import Band
from pipeline.domain.instruments import Liability
from pipeline.domain.risk_measures import entropic
from pipeline.policies import exposure
from pipeline.policies.whalley_wilmott import half_width
from pipeline.simulate.black_scholes import BlackScholes

SHARES = (0.0, 0.125, 0.25, 0.35, 0.5, 0.75, 1.0)
INTERVAL = 1 / 252


def main() -> None:
    print("vol   cost bps  " + "".join(f"{share:>9g}" for share in SHARES) + "   best share")
    for vol in (0.1, 0.2):
        paths = BlackScholes(volatility=vol).simulate(paths=200_000, steps=21, dt=INTERVAL, seed=1).spot
        for cost in (1e-4, 5e-4, 1e-3):
            state, market = simulated_episodes(
                paths,
                vol,
                Liability.of("call", "short"),
                strike=100.0,
                interval=INTERVAL,
                cost=cost,
                risk_aversion=1.0,
            )
            center = exposure.target(state, state.implied_vol)
            width = half_width(
                state, gamma=exposure.curvature(state, state.implied_vol), cost=cost, aversion=1.0
            )
            risks = [float(entropic(book(market, Band.around(center, s * width)).pnl, 1.0)) for s in SHARES]
            best = SHARES[int(np.argmin(risks))]
            print(f"{vol:<5g} {cost * 1e4:<9g} " + "".join(f"{risk:9.4f}" for risk in risks) + f"   {best:g}")


if __name__ == "__main__":
    main()
