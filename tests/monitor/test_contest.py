"""A challenger wins by less risk beyond doubt, no worse tail and quiet monitors, and by nothing else."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk import RiskSettings
from pipeline.monitor.contest import compared, contest

RISK = RiskSettings(measure="entropic", aversion=16.0)


def pairs(gain: float, number: int = 80, alarms: int = 0, crash: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    champion = -0.02 + 0.05 * rng.standard_normal(number)
    challenger = champion + gain + 0.01 * rng.standard_normal(number)
    challenger[:4] -= crash
    told = [["data x"] * alarms, *([] for _ in range(number - 1))]
    return pd.DataFrame({"champion_pnl": champion, "challenger_pnl": challenger, "alarms": told})


def test_one_that_hedges_better_has_won():
    came = contest(pairs(0.02), RISK)
    assert came.failed == ()
    assert 0.0 < came.low < came.saved
    assert came.saved == pytest.approx(0.02, abs=0.01)
    assert came.tails[1] < came.tails[0]


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (pairs(0.0), "which chance explains"),
        (pairs(-0.02), "which chance explains"),
        (pairs(0.02, number=29), "29 options were compared, 30 are needed"),
        (pairs(0.02, alarms=3), "its monitors raised 3 critical alarms: data x"),
        (pairs(0.02, crash=0.5), "the worst twentieth loses"),
    ],
)
def test_one_that_fails_a_criterion_has_not(made, why):
    assert any(why in each for each in contest(made, RISK).failed)


def test_the_same_pairs_are_judged_alike():
    assert contest(pairs(0.004), RISK) == contest(pairs(0.004), RISK)


def test_only_lines_of_these_two_count_and_a_day_lived_again_counts_once(tmp_path):
    line = {"champion": "a 1", "challenger": "a 2", "champion_pnl": 1.0, "challenger_pnl": 2.0, "alarms": []}
    lines = [line | {"at": 7}, line | {"at": 3}, line | {"at": 7}, line | {"at": 9, "challenger": "a 3"}]
    file = tmp_path / "shadow.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in lines))
    assert compared(file, "a 1", "a 2")["at"].tolist() == [3, 7]
    assert compared(tmp_path / "none", "a 1", "a 2").empty


def test_a_line_that_was_cut_short_leaves_the_others(tmp_path):
    line = {"champion": "a 1", "challenger": "a 2", "champion_pnl": 1.0, "challenger_pnl": 2.0, "alarms": []}
    first, second = (json.dumps(line | {"at": at}) for at in (3, 7))
    (tmp_path / "shadow.jsonl").write_text(f"{first}\n{second[:40]}{second}\n{second}\n{first[:-9]}")
    assert compared(tmp_path / "shadow.jsonl", "a 1", "a 2")["at"].tolist() == [3, 7]


def test_a_tail_that_is_a_gain_may_be_worse_by_a_twentieth_of_it_too():
    """The worst options of either gain, of a desk whose marks are dear."""
    same = pairs(0.0)
    same[["champion_pnl", "challenger_pnl"]] += 9.0
    assert not any("worst twentieth" in said for said in contest(same, RISK).failed)


def test_longer_blocks_leave_more_to_chance_where_options_overlap():
    """The mean of five neighbours is five times as sure as it looks in blocks of one."""
    rng = np.random.default_rng(8)
    shared = np.repeat(rng.standard_normal(40), 5)
    champion = -0.02 + 0.05 * rng.standard_normal(200)
    table = pd.DataFrame(
        {"champion_pnl": champion, "challenger_pnl": champion + 0.02 * shared, "alarms": [[]] * len(champion)}
    )
    short, long = contest(table, RISK, 1.0), contest(table, RISK, 10.0)
    assert short.saved == long.saved
    assert long.low < short.low
