"""Whether the training of a network paid on the test years, in plain words."""

import pandas as pd

from pipeline.domain.desk import Desk
from pipeline.evaluate.comparison import SIMPLE_RIVAL, UNTRAINED
from pipeline.evaluate.verdicts import Verdict, by_metric, counted_words, describe_risk, judge

RIVALS = {
    UNTRAINED: "with {0} against its untrained self, {1}",
    SIMPLE_RIVAL: "with {0} against a band of one tuned width, {1}",
}
QUESTION = {
    UNTRAINED: "Did the training of {0} pay?",
    SIMPLE_RIVAL: "Does {0} beat its simplest rival?",
}


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
        question, subject = QUESTION[rival].format(policy), RIVALS[rival].format(policy, rival)
        found.append(judge(question, subject, risk, rows, counted, level))
    return tuple(found)
