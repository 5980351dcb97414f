"""Whether trees and recurrent networks beat their simple rivals on the test years, in plain words."""

from dataclasses import dataclass

import pandas as pd

from pipeline.evaluate.verdicts import Answer, Verdict

START = "log_linear"
LEARNED = ("lightgbm", "lightgbm_no_implied", "lightgbm_no_further", "combination", "lstm")
"""Models that are no simple rivals."""
EVENT_TREES, EVENT_START, EVENT_RATE = "lightgbm_event", "logistic", "climatology"


@dataclass(frozen=True)
class Learner:
    """A learned forecaster: its name in the tables, the question about it and what its sentence calls it."""

    model: str
    question: str
    called: str
    rivals: str


TREES = Learner(
    "lightgbm",
    "Do the trees forecast better than simple models?",
    "LightGBM",
    "the best model without trees",
)
NETWORKS = Learner(
    "lstm",
    "Do the recurrent networks forecast variance better than simple models?",
    "the LSTM",
    "the best simple model",
)


@dataclass(frozen=True)
class Judged:
    """One target or event: is the learner's loss lower, and what is beyond doubt."""

    name: str
    below_rival: bool
    below_start: bool
    beats_rival: bool
    beats_start: bool
    beaten_by: str = ""
    """The model that is better beyond doubt, with both losses; empty where none is."""

    @property
    def won(self) -> bool:
        """Whether it is better than the best simple rival and than its start, both beyond doubt."""
        return self.beats_rival and self.beats_start


def forecast_verdicts(scores: pd.DataFrame, events: pd.DataFrame, level: float) -> tuple[Verdict, ...]:
    """Compare LightGBM, and networks where there are some, with simple rivals and with their linear start.

    Beyond doubt is judged at `level` over the number of targets and events (Bonferroni). A target: better
    than the best simple rival if the learner's QLIKE is lower and no simple model is left in the
    model confidence set, worse if it has dropped out of the set and the best of them has not; against its
    start by Diebold and Mariano's test. An event, of LightGBM only: by their test of the squared error
    against the logistic regression, its start, and the base rate; one that never or always happened in the
    test years is not counted. "yes" needs both beyond doubt on every target and event, "it hurt" a loss
    beyond doubt and no win; all else is "no", and the sentence says on how many and which.

    Parameters
    ----------
    scores : `target, horizon, model, qlike, dm_p_log_linear, mcs_p`, one row a model.
    events : `event, model, brier, base_rate, dm_p, dm_p_logistic`, one row a model.
    level : of the test, for example 0.05.
    """
    found = [_verdict(TREES, scores, events, level)]
    forecast = scores["model"] == NETWORKS.model
    if forecast.any():
        theirs = scores[scores["target"].isin(scores.loc[forecast, "target"])]
        found.append(_verdict(NETWORKS, theirs, events.iloc[:0], level))
    return tuple(found)


def _verdict(learner: Learner, scores: pd.DataFrame, events: pd.DataFrame, level: float) -> Verdict:
    happened = events[(events["base_rate"] > 0.0) & (events["base_rate"] < 1.0)]
    counted = scores.groupby(["target", "horizon"]).ngroups + happened["event"].nunique()
    size = level / counted
    targets = [
        _target(learner, f"{target} at {horizon}", table.set_index("model"), size)
        for (target, horizon), table in scores.groupby(["target", "horizon"], sort=False)
    ]
    kinds = [
        _event(str(event), table.set_index("model"), size)
        for event, table in happened.groupby("event", sort=False)
    ]
    both = [*targets, *kinds]
    lost, won = [each for each in both if each.beaten_by], [each for each in both if each.won]
    answer: Answer = "yes" if len(won) == len(both) else "it hurt" if lost and not won else "no"
    lead = "Yes" if answer == "yes" else "No" if lost else "Only in part" if won else "Not shown"
    beaten = "; ".join(f"{each.name}: {each.beaten_by}" for each in lost)
    said = (
        [f"a simpler model is better beyond doubt on {len(lost)} of {len(both)} ({beaten})"] if lost else []
    )
    said.append(f"{learner.called} has a lower QLIKE {_counts(targets, learner.rivals)}")
    if kinds:
        said.append(f"its event probabilities have a lower Brier score {_counts(kinds, 'the simple ones')}")
    return Verdict(
        learner.question, answer, f"{lead}: {'; '.join(said)}. Beyond doubt on both counts: {_named(won)}."
    )


def _target(learner: Learner, name: str, models: pd.DataFrame, size: float) -> Judged:
    ours, simple = models.loc[learner.model], models.drop(list(LEARNED), errors="ignore")
    rival = str(simple["qlike"].idxmin())
    best = simple.loc[rival]
    left = simple["mcs_p"] >= size
    start = models["qlike"].get(START, float("nan"))
    below_start = bool(ours["qlike"] < start)
    apart = bool(ours["dm_p_log_linear"] < size)
    beaten_by = ""
    if best["qlike"] < ours["qlike"] and ours["mcs_p"] < size and left[rival]:
        beaten_by = f"{rival} {best['qlike']:.3f}, {learner.called} {ours['qlike']:.3f}"
    elif apart and not below_start:
        beaten_by = f"{START} {start:.3f}, {learner.called} {ours['qlike']:.3f}"
    below = bool(ours["qlike"] < best["qlike"])
    return Judged(name, below, below_start, below and not left.any(), below_start and apart, beaten_by)


def _event(name: str, models: pd.DataFrame, size: float) -> Judged:
    trees, start, rate = (models.loc[each] for each in (EVENT_TREES, EVENT_START, EVENT_RATE))
    below_start, below_rate = trees["brier"] < start["brier"], trees["brier"] < rate["brier"]
    from_start, from_rate = trees["dm_p_logistic"] < size, trees["dm_p"] < size
    beaten_by = ""
    for rival, below, apart in ((start, below_start, from_start), (rate, below_rate, from_rate)):
        if apart and not below and not beaten_by:
            beaten_by = f"{rival.name} {rival['brier']:.4f}, LightGBM {trees['brier']:.4f}"
    rivals = bool(below_start and below_rate)
    beats_start = bool(below_start and from_start)
    return Judged(
        name,
        rivals,
        bool(below_start),
        beats_start and bool(below_rate and from_rate),
        beats_start,
        beaten_by,
    )


def _counts(items: list[Judged], rival: str) -> str:
    total = len(items)
    return (
        f"than {rival} on {sum(each.below_rival for each in items)} of {total} "
        f"(beyond doubt: {_named([each for each in items if each.beats_rival])}) and than the linear model "
        f"it starts from on {sum(each.below_start for each in items)} of {total} "
        f"(beyond doubt: {_named([each for each in items if each.beats_start])})"
    )


def _named(items: list[Judged]) -> str:
    return f"{len(items)}, {', '.join(each.name for each in items)}" if items else "none"
