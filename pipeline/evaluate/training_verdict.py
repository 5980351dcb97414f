"""Whether the training of a network paid on the test years, in plain words."""

import pandas as pd

from pipeline.domain.desk import Desk
from pipeline.evaluate.comparison import SIMPLE, TRAINED, WITHOUT_PRIOR
from pipeline.evaluate.verdicts import Verdict, by_metric, counted_words, describe_risk, judge


def training_verdicts(desk: Desk, trained: pd.DataFrame, earlier_looks: int = 0) -> tuple[Verdict, ...]:
    """Judge every trained network by the desk's own risk; see `verdicts.verdicts`.

    Parameters
    ----------
    desk : names the risk measure and the confidence.
    trained : of `comparison.paired_tests`, of the pairs of `comparison.pairs_of_training`.
    earlier_looks : that the corrected p-values count.
    """
    risk, level = describe_risk(desk.risk), 1 - desk.evaluation.confidence
    pairs = trained[["policy", "baseline"]].drop_duplicates()
    counted, found = counted_words(len(pairs), earlier_looks), []
    for policy, rival in pairs.itertuples(index=False, name=None):
        rows = by_metric(trained[(trained["policy"] == policy) & (trained["baseline"] == rival)])
        if rival == TRAINED[policy][0]:
            question, other = f"Did the training of {policy} pay?", "its untrained self"
        elif rival == WITHOUT_PRIOR.get(policy):
            question = f"Are prior and band of {policy} worth something?"
            other = "a network that has neither"
        else:
            question, other = f"Does {policy} beat its simplest rival?", SIMPLE[rival]
        subject = f"with {policy} against {other}, {rival}"
        found.append(judge(question, subject, risk, rows, counted, level))
    return tuple(found)
