"""How much of delta's daily hedging error a slope removes, out of sample, and how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from pipeline.backtest.contract_moves import ContractMoves, explained, share_of, slopes
from pipeline.domain.instruments import FloatArray
from pipeline.evaluate.bootstrap import percentile_interval
from pipeline.policies.minimum_variance import Coefficients
from pipeline.policies.slope_share import PRIOR_ERROR, Estimate, shrunk

PRIOR_SHARE = Estimate(0.5, PRIOR_ERROR)
"""Of the slope of a volatility index, as the flagship holds it before its own episodes (docs/research.md)."""
COLUMNS = ["options", "slope", "gain", "low", "high", "pairs", "days", "worst_days_share"]
WORST = 3
NOTHING: Mapping[str, FloatArray] = MappingProxyType({})


@dataclass(frozen=True)
class SlopeGains:
    """What `slope_gains` finds.

    Attributes
    ----------
    table : `COLUMNS`, a row for all options, calls and puts, by slope.
    shares : by test day, the share of the prior slope that the days before told alone, its error, and the
        posterior one that was used.
    """

    table: pd.DataFrame
    shares: pd.DataFrame


def slope_gains(
    moves: ContractMoves,
    first_test: int,
    prior: tuple[Coefficients, Coefficients],
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 7,
    others: Mapping[str, FloatArray] = NOTHING,
) -> SlopeGains:
    """Return the gain 1 − SSE/SSE_delta of each slope over the pairs that start on day `first_test` or later.

    On every test day the slopes are learned from the pairs that have ended by then:

    - `chain`: Hull and White's regression on these pairs, calls and puts apart;
    - `shrunk`: the prior times the share of it that these pairs tell, drawn towards one half by the precision
      of both, calls and puts pooled;
    - `prior`: the whole prior, which has not seen the chain;
    - `in_sample`: the chain's own on all test days at once, which nobody could know: the most that such
      slopes can remove.

    Parameters
    ----------
    moves : of the whole chain.
    first_test : column of the panel.
    prior : (a, b, c) of calls and of puts on the long history of a volatility index.
    resamples, confidence, seed : of the bootstrap of test days, whole days together: all options of a day
        share its move, so pairs are no independent observations.
    others : further slopes by name, learned elsewhere: what each explains of every pair, [P] money.
    """
    later = moves.day >= first_test
    tested = moves.where(later)
    days, code = np.unique(tested.day, return_inverse=True)
    whole = explained(tested, *prior)
    chain, shares = np.empty_like(whole), []
    for day in days:
        learned = moves.where(moves.day < day)
        told = share_of(learned, explained(learned, *prior))
        shares.append((day, told.value, told.error, shrunk(told, PRIOR_SHARE)))
        chain[tested.day == day] = explained(tested.where(tested.day == day), *_both(learned))
    found = pd.DataFrame(shares, columns=["day", "told", "error", "share"])
    fits = {
        "chain": chain,
        "shrunk": found["share"].to_numpy()[code] * whole,
        "prior": whole,
        "in_sample": explained(tested, *_both(tested)),
        **{slope: fit[later] for slope, fit in others.items()},
    }
    draws = np.random.default_rng(seed).multinomial(len(days), np.full(len(days), 1.0 / len(days)), resamples)
    rows = []
    for options, chosen in (
        ("all", tested.right != 0),
        ("calls", tested.right > 0),
        ("puts", tested.right < 0),
    ):
        bare = np.bincount(code[chosen], tested.excess[chosen] ** 2, len(days))
        for slope, fit in fits.items():
            left = np.bincount(code[chosen], (tested.excess - fit)[chosen] ** 2, len(days))
            low, high = percentile_interval(1.0 - (draws @ left) / (draws @ bare), confidence)
            gain = 1.0 - left.sum() / bare.sum()
            worst = np.sort(bare)[-WORST:].sum() / bare.sum()
            rows.append((options, slope, gain, float(low), float(high), int(chosen.sum()), len(days), worst))
    return SlopeGains(pd.DataFrame(rows, columns=COLUMNS), found)


def _both(moves: ContractMoves) -> tuple[Coefficients, Coefficients]:
    return slopes(moves.where(moves.right > 0)), slopes(moves.where(moves.right < 0))
