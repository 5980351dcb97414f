"""Whether a challenger has won: hedging loss, tail and monitors, by stated criteria."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.domain.desk import RiskSettings
from pipeline.domain.instruments import FloatArray
from pipeline.domain.risk_measures import cvar, measure
from pipeline.evaluate.bootstrap import stationary_indices

FEWEST: Final = 30
"""Options on which both were compared."""
BLOCK: Final = 6.0
"""Options in a mean block: half a morning of half-hour options."""
RESAMPLES: Final = 2000
SEED: Final = 0
CONFIDENCE: Final = 0.95
COLUMNS: Final = ["at", "champion_pnl", "challenger_pnl", "alarms"]
TAIL: Final = 0.95
TOLERATED: Final = 0.05
"""By how much of the champion's tail the challenger's may be worse."""


@dataclass(frozen=True)
class Contest:
    """What came of a comparison.

    Attributes
    ----------
    options : compared.
    saved : risk of the champion less the challenger's, money with the spot at 100.
    low : end of the one-sided interval of `saved`.
    tails : expected loss of the worst twentieth, champion and challenger.
    failed : the criteria that do not hold, a sentence each; none: it has won.
    lost : whether further options would hardly let it win: a critical alarm, no lower risk, or a worse tail.
    """

    options: int
    saved: float
    low: float
    tails: tuple[float, float]
    failed: tuple[str, ...]
    lost: bool


def contest(pairs: pd.DataFrame, risk: RiskSettings, block: float = BLOCK) -> Contest:
    """Judge a challenger: enough options, less risk beyond doubt, no worse tail, no critical alarm.

    Doubt is a stationary bootstrap of pairs in their order (Politis and Romano 1994): what the market did to
    both is in both.

    Parameters
    ----------
    pairs : `champion_pnl`, `challenger_pnl` and the critical `alarms` of the challenger's monitors, by
        name, a row an option in order of time.
    risk : what the desk minimises.
    block : options in a mean block.
    """
    pnl = pairs[["champion_pnl", "challenger_pnl"]].to_numpy(float).T
    number, alarms = pnl.shape[1], [alarm for each in pairs["alarms"] for alarm in each]
    if number < FEWEST:
        few = f"{number} options were compared, {FEWEST} are needed"
        return Contest(number, np.nan, np.nan, (np.nan, np.nan), (few,), bool(alarms))
    drawn = pnl[:, stationary_indices(number, block, RESAMPLES, SEED)]
    low = float(np.quantile(_saved(drawn, risk), 1.0 - CONFIDENCE))
    saved, tails = float(_saved(pnl, risk)), cvar(pnl, TAIL)
    failed = []
    if low <= 0.0:
        failed.append(f"risk falls by {saved:.4g}, which chance explains: the interval begins at {low:.4g}")
    worse = bool(tails[1] - tails[0] > TOLERATED * abs(tails[0]))
    if worse:
        failed.append(f"the worst twentieth loses {tails[1]:.4g} where the champion loses {tails[0]:.4g}")
    if alarms:
        which = ", ".join(dict.fromkeys(alarms))
        failed.append(f"its monitors raised {len(alarms)} critical alarms: {which}")
    lost = bool(alarms) or saved <= 0.0 or worse
    return Contest(number, saved, low, (float(tails[0]), float(tails[1])), tuple(failed), lost)


def _saved(pnl: FloatArray, risk: RiskSettings) -> FloatArray:
    found: FloatArray = measure(pnl[0], risk) - measure(pnl[1], risk)
    return found


def compared(file: Path, champion: str, challenger: str) -> pd.DataFrame:
    """Return the lines of `shadow.jsonl` on which these two were compared, in order of time, once each.

    A line that a full disk or a death cut short, or an earlier version wrote, is left out: its option was not
    compared.
    """
    if not file.is_file():
        return pd.DataFrame(columns=COLUMNS)
    lines = [x for x in map(_read, file.read_text(encoding="utf-8").splitlines()) if x is not None]
    own = [each for each in lines if (each["champion"], each["challenger"]) == (champion, challenger)]
    table = pd.DataFrame(own, columns=COLUMNS)
    return table.drop_duplicates("at", keep="last").sort_values("at")


def _read(line: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found["alarms"], list) else None
