"""Synthetic backtest tables: 13 policies, two delays, 300 overlapping starts."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk import Desk, EvaluationSettings, load_desk
from tests.made_book import make_book, make_explained
from tests.made_episodes import (
    make_detector_episodes,
    make_episodes,
    make_frontier,
    make_networks,
    make_path,
    make_tuned,
)
from tests.made_signals import (
    make_detectors,
    make_importance,
    make_intervals,
    make_regimes,
    make_reliability,
    make_scores,
    make_signals,
)

STRESS = (
    {"name": "2008-10", "start": "2008-09-29", "end": "2008-10-31"},
    {"name": "A fall, in 2016", "start": "2016-05-02", "end": "2016-05-31"},
)


@pytest.fixture(scope="session")
def desk() -> Desk:
    shipped = load_desk("spx-daily")
    evaluation = EvaluationSettings.model_validate({"resamples": 400, "stress": STRESS})
    return shipped.model_copy(update={"evaluation": evaluation})


@pytest.fixture(scope="session")
def tables(desk) -> dict[str, pd.DataFrame]:
    sessions = pd.bdate_range("2016-01-04", periods=340)
    regime = np.repeat([0, 1, 0, 2, 1, 0, 1], 50)[: len(sessions)]
    scores, events = make_scores()
    regimes, transition = make_regimes()
    book = make_book(sessions[:322])
    return {
        "episodes": make_episodes(desk, sessions[:300], regime[:300]),
        "path": make_path(sessions),
        "signals": make_signals(sessions, regime),
        "scores": scores,
        "events": events,
        "intervals": make_intervals(),
        "importance": make_importance(),
        "reliability": make_reliability(),
        "regimes": regimes,
        "transition": transition,
        "detectors": make_detectors(),
        "frontier": make_frontier(),
        "detector_episodes": make_detector_episodes(desk, sessions[:300], regime[:300]),
        "tuned": make_tuned(),
        "networks": make_networks(),
        "book": book,
        "explained": make_explained(book),
        "replays": make_book(sessions[80:102], options=1).assign(stress="A fall, in 2016"),
        "positions": pd.DataFrame(columns=["row"]),
        "held_back": pd.DataFrame(columns=["row"]),
    }


@pytest.fixture(scope="session")
def evaluation(desk, tables):
    from pipeline.evaluate.evaluate import evaluate

    return evaluate(desk, tables)
