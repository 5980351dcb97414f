"""What the liquidity forecaster is worth: against the best of its rivals, in its own loss."""

from typing import Final

import pandas as pd

from pipeline.evaluate.sheets import Cell, Sheet, number, probability
from pipeline.evaluate.verdicts import Verdict
from pipeline.forecasts.boosted import LightGbm
from pipeline.forecasts.intraday_tasks import LIQUIDITY, RIVALS
from pipeline.forecasts.scores import diebold_mariano, qlike

QUESTION: Final = "Does the liquidity forecaster beat its best rival?"
TITLES: Final = {
    "half_spread": "half-spread",
    "depth": "depth",
    "crossing_cost": "crossing cost of the desk's order",
}


def liquidity_table(losses: pd.DataFrame) -> pd.DataFrame:
    """Judge LightGBM against each rival on each measure of liquidity.

    Parameters
    ----------
    losses : `target`, `actual` and a forecast of every model, one row a target and tested decision.

    Returns
    -------
    One row a target and model: mean `qlike`, its `ratio` to LightGBM's (1 where both are 0), `p` of Diebold
    and Mariano's test of equal QLIKE with LightGBM's (long-run variance by Newey and West; NaN for LightGBM
    itself), `best` whether it is the best rival, and `n`.
    """
    rows = []
    for target in LIQUIDITY:
        own = losses[losses["target"] == target].dropna(subset=["actual", LightGbm.name, *RIVALS])
        actual = own["actual"].to_numpy(float)
        each = {name: qlike(actual, own[name].to_numpy(float)) for name in (LightGbm.name, *RIVALS)}
        best = min(RIVALS, key=lambda name: each[name].mean())
        for name, loss in each.items():
            p = (
                float("nan")
                if name == LightGbm.name
                else diebold_mariano(each[LightGbm.name], loss, 1).p_value
            )
            ratio = _over(float(loss.mean()), float(each[LightGbm.name].mean()))
            rows.append((target, name, float(loss.mean()), ratio, p, name == best, len(actual)))
    return pd.DataFrame(rows, columns=["target", "model", "qlike", "ratio", "p", "best", "n"])


def _over(loss: float, own: float) -> float:
    """Return a loss over LightGBM's: 1 where both are nought, infinite where only LightGBM's is."""
    if loss == own:
        return 1.0
    return loss / own if own else float("inf")


def liquidity_verdict(table: pd.DataFrame, level: float) -> Verdict:
    """Say on which measures LightGBM has a lower loss than the best rival, and whether that is beyond doubt.

    "yes" needs a lower loss on all of them and a p below `level` over their number (Bonferroni) on one; "it
    hurt" a higher loss beyond doubt on one and a lower one on none.
    """
    best = table[table["best"]]
    certain = best["p"] < level / len(best)
    lower = best["ratio"] > 1.0
    parts = []
    for _, row in best.iterrows():
        parts.append(
            f"{TITLES[str(row['target'])]}: {_told(float(row['ratio']))} {row['model']} (p = {row['p']:.2g})"
        )
    sentence = f"LightGBM against the best of {', '.join(RIVALS)}: {'; '.join(parts)}."
    if lower.all() and (lower & certain).any():
        return Verdict(QUESTION, "yes", f"Yes: {sentence}")
    if not lower.any() and certain.any():
        return Verdict(QUESTION, "it hurt", f"No, it is worse: {sentence}")
    won = ", ".join(TITLES[str(name)] for name in best.loc[lower & certain, "target"])
    lead = f"Only on {won}: " if won else "Not shown: "
    return Verdict(QUESTION, "no", lead + sentence)


def _told(ratio: float) -> str:
    """Say how LightGBM's loss compares with a rival's, whose `ratio` to it is given.

    Examples
    --------
    >>> _told(1.25), _told(1.0), _told(0.0)
    ('20.0 % lower QLIKE than', 'the same QLIKE as', 'a QLIKE above the 0 of')
    """
    if ratio == 1.0:
        return "the same QLIKE as"
    if ratio == 0.0:
        return "a QLIKE above the 0 of"
    change = 100.0 * (1.0 / ratio - 1.0)
    return f"{abs(change):.1f} % {'lower' if change < 0 else 'higher'} QLIKE than"


def liquidity_sheet(table: pd.DataFrame) -> Sheet:
    """Show `liquidity_table`; the lowest loss of each measure stands out."""
    lowest = table.groupby("target")["qlike"].transform("min")
    rows, previous = [], ""
    for (_, row), least in zip(table.iterrows(), lowest, strict=True):
        head = "" if row["target"] == previous else TITLES[str(row["target"])]
        previous = str(row["target"])
        cells = (
            Cell(f"{float(row['qlike']):.3e}", tone="best" if row["qlike"] == least else ""),
            Cell(number(float(row["ratio"]), 3)),
            Cell(probability(float(row["p"]))),
            Cell(number(float(row["n"]), 0)),
        )
        rows.append((Cell(head), Cell(str(row["model"])), *cells))
    lead = (
        "Forecasts of the mean over the next interval on the tested decisions, by QLIKE, the loss that "
        "LightGBM is fitted to. p: Diebold and Mariano's test of equal loss with LightGBM, with the long-run "
        "variance of Newey and West. Rivals: what was (scaled), its exponential average, the mean of the "
        "same half-hour, and a linear model of the logarithms."
    )
    headings = ("Measure", "Model", "QLIKE", "Over LightGBM's", "p, LightGBM", "n")
    return Sheet("liquidity", "Forecasts of liquidity", lead, headings, tuple(rows), labels=2)
