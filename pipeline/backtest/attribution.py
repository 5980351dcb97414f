"""How well the Greeks explain the P&L: shares, and the two tests of the trading-book attribution rule.

The rule is MAR32 of the Basel framework (Basel Committee on Banking Supervision 2019, paragraphs 32.5 ff.):
the risk-theoretical P&L, here what the Greeks explain, is set against the hypothetical P&L, full revaluation
of the positions held, over the last 250 days.
"""

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
from scipy import stats

from pipeline.backtest.daily import DailyBooks
from pipeline.domain.instruments import FloatArray

Zone = Literal["green", "amber", "red"]
COMPONENTS: Final = (
    "from_delta",
    "from_gamma",
    "from_theta",
    "from_vega",
    "from_vanna",
    "from_volga",
    "carry",
    "dealt",
    "cost",
    "residual",
)
RULE_DAYS: Final = 250
SPEARMAN: Final = (0.80, 0.70)
"""Rank correlation above which the zone is green, and below which it is red."""
KOLMOGOROV_SMIRNOV: Final = (0.09, 0.12)
"""Largest distance below which the zone is green, and above which it is red."""


def root_mean_square(values: FloatArray) -> float:
    """Return √(mean of the squares).

    Examples
    --------
    >>> root_mean_square(np.array([3.0, -4.0, 0.0, 0.0]))
    2.5
    """
    return float(np.sqrt(np.mean(np.square(values))))


def agreement(risk_theoretical: FloatArray, hypothetical: FloatArray) -> tuple[float, float]:
    """Return Spearman's rank correlation of two P&L series and Kolmogorov and Smirnov's distance.

    The correlation is NaN where one of the series does not vary.

    Examples
    --------
    >>> agreement(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0, 30.0]))
    (1.0, 0.25)
    """
    varies = np.ptp(risk_theoretical) > 0.0 and np.ptp(hypothetical) > 0.0
    rank = stats.spearmanr(risk_theoretical, hypothetical).statistic if varies else np.nan
    distance = stats.ks_2samp(risk_theoretical, hypothetical, method="asymp").statistic
    return round(float(rank), 12), float(distance)


def zone(spearman: float, distance: float) -> Zone:
    """Return the traffic light of MAR32: red if either test is, green if both are, else amber.

    Examples
    --------
    >>> zone(0.95, 0.05), zone(0.95, 0.10), zone(0.69, 0.05), zone(float("nan"), 0.0)
    ('green', 'amber', 'red', 'red')
    """
    if not spearman >= SPEARMAN[1] or distance > KOLMOGOROV_SMIRNOV[1]:
        return "red"
    return "green" if spearman > SPEARMAN[0] and distance < KOLMOGOROV_SMIRNOV[0] else "amber"


def attribution(books: DailyBooks, options: FloatArray, last: int | None = None) -> Mapping[str, float | str]:
    """Return what explains the daily P&L of a hedge, and how well.

    Parameters
    ----------
    books : [N, T] steps.
    options : [N, T] change of the options' value over each step by full revaluation.
    last : steps at the end on which the two tests are made; all if not given.

    Returns
    -------
    `days`; `mean_x` and `rms_x` of the P&L and of every component x, in money; `residual_of_options` and
    `residual_of_hedged`, the residual's root mean square over that of the options' own P&L and of the
    hypothetical P&L; `tested_days`, `spearman`, `ks` and `zone`.
    """
    shown = {name: getattr(books, name) for name in ("pnl", *COMPONENTS)}
    theoretical, hypothetical = (
        each.ravel()[-(last or each.size) :] for each in (books.risk_theoretical, books.hypothetical)
    )
    spearman, distance = agreement(theoretical, hypothetical)
    residual = root_mean_square(books.residual)
    return {
        "days": float(books.pnl.size),
        **{f"mean_{name}": float(values.mean()) for name, values in shown.items()},
        **{f"rms_{name}": root_mean_square(values) for name, values in shown.items()},
        "residual_of_options": _share(residual, root_mean_square(options)),
        "residual_of_hedged": _share(residual, root_mean_square(books.hypothetical)),
        "tested_days": float(theoretical.size),
        "spearman": spearman,
        "ks": distance,
        "zone": zone(spearman, distance),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else float("nan")
