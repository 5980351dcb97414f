"""What training over a spread of volatilities takes off in unseen markets, and adds in the one that was seen.

The recurrent band of `deep_regimes` at 10 bp, trained twice alike: in Market B alone, and in markets whose
two volatilities are each drawn up to a factor of 1.8 around Market B's (`deep.spread`). The training is
shorter than that of `deep_regimes`, so that it takes minutes on two cores. Both are then asked in Market B
and in the markets of `deep_regimes.UNSEEN`, beside those markets' own belief-state optima. The spread covers
all of their volatilities, and was chosen knowing them; how long regimes last is never spread.

`python -m benchmarks.run deep_spread`.
"""

from collections.abc import Iterator
from dataclasses import replace

from threadpoolctl import threadpool_limits

from benchmarks.deep_regimes import MARKET, PLAN, UNITS, UNSEEN, lost_in, task_of
from benchmarks.learned import trained
from benchmarks.measurement import Measurement
from pipeline.deep.sequence_network import Shape
from pipeline.deep.spread import Spread

SHORT = replace(PLAN, steps=250, paths=8192, groups=8)
SPREADS = {"alone": None, "spread": Spread(1.8)}
MARKETS = {"seen": MARKET, **UNSEEN}


def measure() -> Iterator[Measurement]:
    """Train both and ask both in every market."""
    with threadpool_limits(limits=1):
        for how, like in SPREADS.items():
            task = replace(task_of("10bp", Shape("band", recurrent=UNITS)), like=like)
            network, seconds = trained(task, SHORT)
            print(f"\n{how}: trained in {seconds}", flush=True)
            for name, market in MARKETS.items():
                lost, detail = lost_in(task, network, name, market)
                told = f"deep_spread.{name.replace(' ', '_')}_{how}"
                yield Measurement(told, "%", lost, detail=detail | dict(seconds))


if __name__ == "__main__":
    for _ in measure():
        pass
