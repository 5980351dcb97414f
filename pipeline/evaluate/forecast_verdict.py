"""Whether the trees beat their simple rivals on the test years, in plain words."""

import pandas as pd

from pipeline.evaluate.verdicts import Verdict

QUESTION = "Do the trees forecast better than simple models?"


def forecast_verdict(scores: pd.DataFrame, events: pd.DataFrame, level: float) -> Verdict:
    """Compare LightGBM with log-HAR, with its own linear start, and with the logistic regression.

    "yes" needs a lower QLIKE than log-HAR on every target, and on at least one of them a Diebold–Mariano
    p-value below `level` over the number of targets (Bonferroni); "it hurt" the opposite; all else is "no".

    Parameters
    ----------
    scores : `target, horizon, model, qlike, dm_p_log_har`, one row a model.
    events : `event, model, brier`, one row a model.
    level : of the test, for example 0.05.
    """
    losses = scores.pivot_table(index=["target", "horizon"], columns="model", values="qlike", sort=False)
    trees = scores[scores["model"] == "lightgbm"].set_index(["target", "horizon"])
    lower = losses["lightgbm"] < losses["log_har"]
    certain = trees["dm_p_log_har"] < level / len(losses)
    squared = events.pivot_table(index="event", columns="model", values="brier", sort=False)
    over_logistic = squared["lightgbm_event"] < squared["logistic"]
    sentence = (
        f"LightGBM has a lower QLIKE than log-HAR on {_of(lower)} targets (beyond doubt on "
        f"{int((lower & certain).sum())}) and than the linear model it starts from on "
        f"{_of(losses['lightgbm'] < losses['log_linear'])}; its event probabilities have a lower Brier score "
        f"than the logistic regression on {_of(over_logistic)} events."
    )
    if lower.all() and (lower & certain).any():
        return Verdict(QUESTION, "yes", f"Yes: {sentence}")
    if not lower.any() and certain.any():
        return Verdict(QUESTION, "it hurt", f"No, they are worse: {sentence}")
    return Verdict(QUESTION, "no", f"Not shown: {sentence}")


def _of(won: "pd.Series[bool]") -> str:
    return f"{int(won.sum())} of {len(won)}"
