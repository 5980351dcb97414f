"""What delta leaves of a quoted option's change from day to day, and the slope that explains some of it."""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.backtest.chain_panel import ChainPanel
from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.policies.minimum_variance import DELTA_RANGE, MINIMUM_ROWS, Coefficients
from pipeline.policies.slope_share import FEWEST_BLOCKS, Estimate
from pipeline.pricing import black

SHORTEST_LIFE: Final = 14.0 / 365.0
"""Years left, below which Hull and White leave an option out."""


@dataclass(frozen=True)
class ContractMoves:
    """P pairs of one contract's quotes on a day and the next with quotes.

    Attributes
    ----------
    day : [P] column of the panel that the pair starts in, ascending.
    contract : [P] row of the panel.
    right : [P] 1 call, −1 put.
    delta : [P] Black's forward delta, undiscounted.
    excess : [P] Δf − DΔ·ΔF, money: mid to mid, against the parity forward of the contract's own expiry.
    scale : [P] (ν/√τ)(ΔF/F), money.
    """

    day: NDArray[np.int64]
    contract: NDArray[np.int64]
    right: NDArray[np.int64]
    delta: FloatArray
    excess: FloatArray
    scale: FloatArray

    @property
    def design(self) -> FloatArray:
        """Hull and White's regressors, scale · (1, Δ, Δ²), [P, 3]."""
        return np.asarray(self.scale[:, None] * self.delta[:, None] ** np.arange(3))

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "ContractMoves":
        """Return some pairs only."""
        return replace(self, **{each.name: getattr(self, each.name)[chosen] for each in fields(self)})


def contract_moves(panel: ChainPanel) -> ContractMoves:
    """Return every pair of days of every contract, hedged with delta alone.

    Left out are options of less than 14 days to expiry or |Δ| outside .05 to .95 at the start (Hull, White
    2017, section 4), and those without a mid on both days or an implied volatility on the first.
    """
    start = slice(0, -1)
    terms = (panel.forward[:, start], panel.strike[:, None], panel.time[:, start], panel.vol[:, start])
    call = black.delta("call", *terms)
    delta = np.where(panel.right[:, None] > 0, call, call - 1.0)
    move = np.diff(panel.forward, axis=1)
    discount = panel.discount[:, start]
    excess = np.diff(panel.mid, axis=1) - discount * delta * move
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = discount * black.vega(*terms) / np.sqrt(panel.time[:, start]) * move / panel.forward[:, start]
    size = np.abs(delta)
    use = (size > DELTA_RANGE[0]) & (size < DELTA_RANGE[1]) & (panel.time[:, start] > SHORTEST_LIFE)
    use &= np.isfinite(excess) & np.isfinite(scale)
    row, day = np.nonzero(use)
    order = np.argsort(day, kind="stable")
    row, day = row[order], day[order]
    at = (row, day)
    return ContractMoves(day, row, panel.right[row], delta[at], excess[at], scale[at])


def slopes(moves: ContractMoves) -> Coefficients:
    """Return (a, b, c) of the least squares of `excess` on `design`, no intercept (Hull, White 2017, eq. 5).

    Raises
    ------
    FitError
        Fewer than 100 pairs.
    """
    if len(moves.day) < MINIMUM_ROWS:
        raise FitError(f"{len(moves.day)} pairs of quotes tell no slope, {MINIMUM_ROWS} are needed")
    a, b, c = np.linalg.lstsq(moves.design, moves.excess, rcond=None)[0]
    return float(a), float(b), float(c)


def explained(moves: ContractMoves, call: Coefficients, put: Coefficients) -> FloatArray:
    """Return the part of `excess` that the slopes of calls and of puts explain, [P] money."""
    chosen = np.where((moves.right > 0)[:, None], np.array([call]), np.array([put]))
    return np.asarray((moves.design * chosen).sum(axis=1))


def share_of(moves: ContractMoves, whole: FloatArray) -> Estimate:
    """Return the share s of `whole` with the least Σ (excess − s·whole)², and its error clustered by day.

    With g_d the sums of whole·(excess − s·whole) over the pairs of day d of B days, the error's square is
    B/(B − 3) · Σ g_d²/(Σ whole²)², as in `policies.slope_share`. Infinite with fewer than four days.
    """
    squares = float(whole @ whole)
    days = np.unique(moves.day)
    if squares == 0.0:
        return Estimate(0.0, np.inf)
    share = float(whole @ moves.excess) / squares
    if len(days) < FEWEST_BLOCKS:
        return Estimate(share, np.inf)
    scores = np.bincount(moves.day, whole * (moves.excess - share * whole))
    return Estimate(share, float(np.sqrt(len(days) / (len(days) - 3) * (scores @ scores)) / squares))
