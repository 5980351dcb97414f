import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.evaluate.panel import EpisodePanel


def read(tables, episodes, delay=0):
    return EpisodePanel.from_table(episodes, delay, tables["signals"]["session"])


def test_rows_may_come_in_any_order(tables):
    episodes = tables["episodes"]
    ordered = read(tables, episodes)
    order = np.random.default_rng(0).permutation(len(episodes))
    shuffled = read(tables, episodes.iloc[order])
    for policy in ordered.policies:
        assert np.array_equal(ordered.pnl[ordered.row(policy)], shuffled.pnl[shuffled.row(policy)])
    assert np.array_equal(ordered.regime, shuffled.regime)


def test_policies_keep_the_order_of_the_table(tables):
    assert read(tables, tables["episodes"]).policies[:2] == ("none", "delta_implied")


def test_a_group_keeps_its_columns_together(tables):
    panel = read(tables, tables["episodes"])
    calm = panel.where(panel.regime == 0)
    assert calm.size == (panel.regime == 0).sum()
    assert np.array_equal(calm.pnl, panel.pnl[:, panel.regime == 0])
    assert np.array_equal(calm.starts, panel.starts[panel.regime == 0])


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda e: e[e["delay"] == 1], "no rows with delay 0"),
        (lambda e: e.drop(index=e.index[7]), "policy none has no pnl for start 2016-01-13"),
        (lambda e: pd.concat([e, e.iloc[[7]]]), "policy none has start 2016-01-13 twice"),
        (lambda e: e.assign(cost=e["cost"].where(e.index != 7)), "policy none has no cost"),
        (lambda e: e.assign(pnl=e["pnl"] + 0.01 * (e.index == 7)), "start 2016-01-13: pnl differs"),
        (lambda e: e.assign(start=e["start"] + pd.Timedelta(hours=1)), "is not a session"),
    ],
    ids=["no delay", "missing row", "row twice", "NaN", "identity", "no session"],
)
def test_a_faulty_table_is_one_clear_line(tables, fault, message):
    with pytest.raises(DataError, match=message):
        read(tables, fault(tables["episodes"]))
