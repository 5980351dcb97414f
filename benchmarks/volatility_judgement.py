"""How the forecasts of the volatility benchmark are judged: scores, the trees' own share, tests.

The windows expand and most models are nested, so Diebold and Mariano's p is a guide. Whether a forecast is
better than log-SHARQ is judged by the model confidence set of the two, with blocks of two horizons: it judges
the forecasts whose QLIKE is printed, whatever the windows. Giacomini and White's test needs forecasts of a
rolling window, which are others; theirs are made too, and the p is printed beside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from benchmarks.volatility_models import ROLLING_ROWS
from pipeline.forecasts.confidence_set import confidence_set, shortest_block
from pipeline.forecasts.scores import diebold_mariano, qlike

CHOSEN = {"without_vix": "combination", "with_vix": "combination + VIX"}
STARTS = {"without_vix": ("lightgbm L", "linear L"), "with_vix": ("lightgbm LV", "linear LV")}
STARTS_FROM = {"lstm log-HAR": "log-HAR", "lstm L": "linear L"}
LINEAR_ONLY = {"without_vix": "linear L", "with_vix": "linear + VIX"}
"""The chosen combinations without their trees."""
RIVAL = "log-SHARQ"
SEED, PAIR_RESAMPLES = 7, 1000
UNSEEN = "2006"
"""Inputs, clipping and members were chosen by the forecasts before it."""
Losses = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Walked:
    """Forecasts of one horizon by model, of expanding and of rolling windows, and what came."""

    expanding: pd.DataFrame
    rolling: pd.DataFrame
    came: np.ndarray

    def losses(self, table: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return the QLIKE of each row by model."""
        return {str(name): qlike(self.came, table[name].to_numpy()) for name in table}


def scores(horizon: int, walked: Walked) -> pd.DataFrame:
    """Losses, ratios to HAR, p in the confidence set of all models and of the tests on expanding windows."""
    losses = pd.DataFrame(walked.losses(walked.expanding), index=walked.expanding.index)
    squares = walked.expanding.apply(lambda column: (walked.came - column) ** 2)
    each = {str(name): losses[name].to_numpy() for name in losses}
    return pd.DataFrame(
        {
            "QLIKE": losses.mean(),
            "before 2006": losses[losses.index < UNSEEN].mean(),
            "from 2006": losses[losses.index >= UNSEEN].mean(),
            "/ HAR": losses.mean() / losses["HAR"].mean(),
            "MSE / HAR": squares.mean() / squares["HAR"].mean(),
            "p, set of all": confidence_set(each, horizon, SEED),
            "DM p, HAR": {name: no_gain(each[name], each["HAR"], horizon) for name in each},
            "DM p, log-SHARQ": {name: no_gain(each[name], each[RIVAL], horizon) for name in each},
        }
    ).loc[list(losses)]


def judged(horizon: int, kind: str, walked: Walked) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the trees add to the chosen forecast's loss, and its tests against log-SHARQ."""
    losses, rolled = walked.losses(walked.expanding), walked.losses(walked.rolling)
    mean = {name: float(loss.mean()) for name, loss in losses.items()}
    fresh = walked.expanding.index >= UNSEEN
    later = {name: loss[fresh] for name, loss in losses.items()}
    chosen, (trees, start) = CHOSEN[kind], STARTS[kind]
    linear = LINEAR_ONLY[kind]
    share: dict[str, Any] = {
        "model": chosen,
        "rows": len(walked.came),
        "log_sharq": mean[RIVAL],
        "from_2006": float(later[chosen].mean()),
        "log_sharq_from_2006": float(later[RIVAL].mean()),
        "linear_start": mean[start],
        "lightgbm_alone": mean[trees],
        "trees_change_percent": 100.0 * (mean[trees] / mean[start] - 1.0),
        "trees_share_of_gain_percent": 100.0 * (mean[start] - mean[trees]) / (mean[RIVAL] - mean[trees]),
        "p_linear_start_in_set_of_the_two": p_beaten(losses, trees, start, horizon),
        "combination": mean[chosen],
        "combination_without_trees": mean[linear],
        "trees_share_of_its_gain_percent": 100.0
        * (mean[linear] - mean[chosen])
        / (mean[RIVAL] - mean[chosen]),
    }
    tests: dict[str, Any] = {
        "rows": len(walked.came),
        "block": shortest_block(horizon),
        "p_set_of_the_two": p_beaten(losses, chosen, RIVAL, horizon),
        "p_set_of_the_two_from_2006": p_beaten(later, chosen, RIVAL, horizon),
        "rows_from_2006": int(fresh.sum()),
        "p_set_of_all": confidence_set(losses, horizon, SEED)[RIVAL],
        "p_giacomini_white_rolling": no_gain(rolled[chosen], rolled[RIVAL], horizon),
        "rolling_rows": ROLLING_ROWS,
        "rolling_qlike": float(rolled[chosen].mean()),
        "rolling_qlike_log_sharq": float(rolled[RIVAL].mean()),
        "p_diebold_mariano_expanding": no_gain(losses[chosen], losses[RIVAL], horizon),
    }
    return share, tests


def against(walked: Walked, model: str, rival: str, horizon: int) -> dict[str, float]:
    """Change of a rival's QLIKE by a model in %, with Diebold and Mariano's two-sided p; and from 2006."""
    losses = walked.losses(walked.expanding)
    found = {}
    for when, rows in (("", slice(None)), ("_from_2006", walked.expanding.index >= UNSEEN)):
        ours, theirs = losses[model][rows], losses[rival][rows]
        found[f"change_percent{when}"] = 100.0 * float(ours.mean() / theirs.mean() - 1.0)
        found[f"p{when}"] = diebold_mariano(ours, theirs, horizon).p_value
    return found


def print_networks(walked: Mapping[int, Walked]) -> None:
    """Print what the recurrent networks change against their linear start and against rivals."""
    rows = [
        {"horizon": horizon, "network": model, "against": rival, **against(each, model, rival, horizon)}
        for horizon, each in walked.items()
        for model, start in STARTS_FROM.items()
        for rival in dict.fromkeys((start, "HAR", "log-HAR", RIVAL, "lightgbm L"))
    ]
    print("\nRecurrent networks: change of the rival's QLIKE in %, two-sided p of Diebold and Mariano")
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda value: f"{value:.3f}"))


def print_shares(judgements: Sequence[tuple[int, str, dict[str, Any], dict[str, Any]]]) -> None:
    """Print what LightGBM adds to its linear start, and to the combination that is judged."""
    names = {
        "log_sharq": "log-SHARQ",
        "linear_start": "linear start",
        "lightgbm_alone": "LightGBM alone",
        "trees_change_percent": "trees change, %",
        "trees_share_of_gain_percent": "trees' share of gain, %",
        "p_linear_start_in_set_of_the_two": "p of linear start",
        "combination_without_trees": "combination of linear",
        "combination": "combination",
        "from_2006": "combination from 2006",
        "log_sharq_from_2006": "log-SHARQ from 2006",
        "trees_share_of_its_gain_percent": "trees' share of its gain, %",
    }
    print(
        "\nLightGBM's own share: QLIKE of the linear model it starts from and with the trees; the gain is "
        "that over\nlog-SHARQ, p the linear start's in the confidence set of the two (low: the trees improve "
        "it)"
    )
    print(_table([(horizon, kind, share) for horizon, kind, share, _ in judgements], names))


def print_tests(judgements: Sequence[tuple[int, str, dict[str, Any], dict[str, Any]]]) -> None:
    """Print how sure it is that the chosen combination is better than log-SHARQ."""
    names = {
        "p_set_of_the_two": "set of the two",
        "p_set_of_the_two_from_2006": "the same from 2006",
        "p_set_of_all": "set of all",
        "p_giacomini_white_rolling": "GW, rolling",
        "p_diebold_mariano_expanding": "DM, expanding",
        "rolling_qlike": "QLIKE, rolling",
        "rolling_qlike_log_sharq": "log-SHARQ, rolling",
    }
    print(
        "\nThe combination against log-SHARQ: p-values, of which the first is judged "
        "(blocks of two horizons, ten sessions at least)"
    )
    print(_table([(horizon, kind, tests) for horizon, kind, _, tests in judgements], names))


def _table(rows: Sequence[tuple[int, str, Mapping[str, Any]]], names: Mapping[str, str]) -> str:
    shown = {
        f"{horizon}, {kind.replace('_', ' ').replace('vix', 'VIX')}": {
            title: values[key] for key, title in names.items()
        }
        for horizon, kind, values in rows
    }
    return str(pd.DataFrame(shown).T.to_string(float_format=lambda value: f"{value:.4f}"))


def p_beaten(losses: Losses, better: str, rival: str, horizon: int) -> float:
    """p-value of the rival in the confidence set of the two: 1 where it has the lower loss."""
    pair = {name: losses[name] for name in (better, rival)}
    return confidence_set(pair, horizon, SEED, PAIR_RESAMPLES)[rival]


def no_gain(loss: np.ndarray, rival: np.ndarray, horizon: int) -> float:
    """p-value of the hypothesis that the rival is as good or better, with lags for the overlap.

    Of forecasts of a rolling window it is Giacomini and White's unconditional test (2006).
    """
    compared = diebold_mariano(np.asarray(loss), np.asarray(rival), horizon)
    return float(student_t.cdf(compared.statistic, len(loss) - 1)) if compared.difference else np.nan
