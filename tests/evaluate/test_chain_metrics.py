from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.chain_comparison import BOOKS
from pipeline.backtest.contract_moves import ContractMoves
from pipeline.domain.desk import RiskSettings
from pipeline.domain.errors import DataError
from pipeline.domain.risk_measures import measure
from pipeline.evaluate.chain import by_day, frontier_table, slope_verdict
from pipeline.evaluate.chain_metrics import chain_metrics
from pipeline.evaluate.slope_gain import slope_gains

DAYS, DEALS = 20, 7


@pytest.fixture(scope="module")
def episodes():
    rng = np.random.default_rng(4)
    start = np.repeat(pd.bdate_range("2019-05-01", periods=DAYS), DEALS)
    deal = {
        "right": "call",
        "start": start,
        "root": "SPX",
        "expiry": start,
        "strike": np.tile(range(DEALS), DAYS),
    }
    move = rng.normal(0.0, 0.02, len(start))
    tables = [
        pd.DataFrame(
            deal
            | {"policy": name, "pnl": rng.normal(0.0, spread, len(start)) + 10.0 * move, "cost": 0.01}
            | {"trades": 3.0, "market_return": move}
        )
        for name, spread in (("delta_implied", 1.0), ("other", 0.5))
    ]
    return pd.concat([tables[0], tables[1].sample(frac=1.0, random_state=1)], ignore_index=True)


@pytest.mark.parametrize("name", ["entropic", "cvar", "mean_sd"])
def test_metrics_are_those_of_plain_loops(episodes, name):
    risk = RiskSettings(measure=name, cvar_level=0.9)
    found = chain_metrics(episodes, risk, block_days=4, resamples=200, confidence=0.95, seed=1)
    for policy, rows in episodes.groupby("policy"):
        pnl = rows["pnl"].to_numpy()
        row = found.loc[policy]
        assert row["pnl_mean_bps"] == pytest.approx(100 * pnl.mean())
        assert row["pnl_sd_bps"] == pytest.approx(100 * pnl.std())
        assert row["cvar95_bps"] == pytest.approx(-100 * np.sort(pnl)[: len(pnl) // 20].mean())
        assert row["market_beta"] == pytest.approx(np.polyfit(rows["market_return"], pnl, 1)[0])
        assert row["risk_bps"] == pytest.approx(100 * measure(pnl, risk))
        assert row["pnl_sd_bps_low"] < row["pnl_sd_bps"] < row["pnl_sd_bps_high"]
    variances = episodes.groupby("policy")["pnl"].var(ddof=0)
    expected = 1.0 - variances["other"] / variances["delta_implied"]
    assert found.loc["other", "gain_vs_delta"] == pytest.approx(expected)
    assert (found.loc["delta_implied", ["gain_vs_delta_low", "gain_vs_delta_high"]] == 0.0).all()


def test_policies_on_other_deals_are_refused(episodes):
    with pytest.raises(DataError, match="the same deals"):
        chain_metrics(episodes.iloc[1:], RiskSettings(), 4, 100, 0.95, 1)


def moves_with(slope, noise, seed=2):
    """Pairs whose excess is a known slope and noise that a whole day shares, as vega's is."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(40), 60)
    right = np.tile([1, -1], len(day) // 2)
    delta = rng.uniform(0.1, 0.9, len(day)) - (right < 0)
    scale = rng.normal(0.0, 1.0, 40)[day] * rng.uniform(0.5, 1.0, len(day))
    excess = scale * np.polynomial.polynomial.polyval(delta, slope) + noise * rng.normal(0, 1, 40)[day]
    return ContractMoves(day, np.arange(len(day)), right, delta, excess, scale)


def test_the_whole_prior_gains_all_where_it_is_the_truth_and_nothing_but_noise_is_left():
    truth = (-0.3, 0.2, -0.1)
    found = slope_gains(moves_with(truth, 0.0), 10, (truth, truth), resamples=200)
    gains = found.table.set_index(["options", "slope"])["gain"]
    assert gains["all", "prior"] == pytest.approx(1.0)
    assert gains["all", "chain"] == pytest.approx(1.0)
    assert gains["all", "shrunk"] == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(found.shares["told"], 1.0)


def test_a_share_that_few_days_tell_is_drawn_to_its_prior_and_the_bound_holds():
    truth = (-0.3, 0.2, -0.1)
    found = slope_gains(moves_with(truth, 0.5), 10, (truth, truth), resamples=200)
    told, used = found.shares["told"], found.shares["share"]
    between = (np.minimum(told, 0.5) <= used + 1e-12) & (used <= np.maximum(told, 0.5) + 1e-12)
    assert between.all()
    gains = found.table.set_index(["options", "slope"])["gain"]
    for options in ("calls", "puts"):
        assert all(
            gains[options, "in_sample"] >= gains[options, slope] - 1e-12 for slope in ("chain", "shrunk")
        )


def test_a_slope_learned_elsewhere_is_judged_beside_the_others():
    moves = moves_with((-0.3, 0.2, -0.1), 0.5)
    prior = ((-0.3, 0.2, -0.1), (-0.3, 0.2, -0.1))
    others = {"all of it": np.where(moves.day < 10, np.nan, moves.excess), "half": 0.5 * moves.excess}
    found = slope_gains(moves, 10, prior, resamples=100, others=others).table.set_index(["options", "slope"])
    for options in ("all", "calls", "puts"):
        assert found.loc[(options, "all of it"), "gain"] == pytest.approx(1.0)
        assert found.loc[(options, "half"), "gain"] == pytest.approx(0.75)


def test_a_test_day_learns_from_the_days_before_it_only():
    moves = moves_with((-0.3, 0.2, -0.1), 0.5)
    later = moves.day >= 25
    changed = replace(moves, excess=np.where(later, 9.0, moves.excess))
    prior = ((-0.2, 0.0, 0.0), (-0.2, 0.0, 0.0))
    one, other = (slope_gains(each, 10, prior, resamples=100).shares for each in (moves, changed))
    pd.testing.assert_frame_equal(one[one["day"] <= 25], other[other["day"] <= 25], check_exact=True)


def test_an_episode_of_the_comparison_is_the_mean_over_the_deals_of_a_day(episodes):
    books = {"delay": 0} | {name: 0.0 for name in BOOKS if name not in episodes}
    rows = by_day(episodes.assign(window=0, regime=1, **books))
    assert len(rows) == 2 * DAYS
    own = episodes[(episodes["policy"] == "other") & (episodes["start"] == episodes["start"].iloc[0])]
    found = rows[(rows["policy"] == "other") & (rows["start"] == episodes["start"].iloc[0])].iloc[0]
    assert found["pnl"] == pytest.approx(own["pnl"].mean())
    assert found["market_return"] == pytest.approx(own["market_return"].mean())


def test_the_verdict_on_slopes_follows_the_interval_of_whole_days():
    truth = (-0.3, 0.2, -0.1)
    won = slope_verdict(slope_gains(moves_with(truth, 0.0), 10, (truth, truth), resamples=200))
    assert won.answer == "yes"
    assert "reaches the aim" in won.sentence
    doubtful = slope_verdict(slope_gains(moves_with((0.0, 0.0, 0.0), 0.5), 10, (truth, truth), resamples=200))
    assert doubtful.answer in ("no", "it hurt")
    assert "does not reach" in doubtful.sentence


def test_the_frontier_is_in_bps_by_share():
    vega = pd.DataFrame({"share": [0.0] * 20 + [1.0] * 20, "pnl": range(40), "cost": [0.1] * 20 + [0.2] * 20})
    found = frontier_table(vega).set_index("share")
    assert found.loc[1.0, "pnl_mean_bps"] == pytest.approx(100 * np.mean(range(20, 40)))
    assert found.loc[0.0, "cvar95_bps"] == pytest.approx(0.0)
    assert found.loc[1.0, "cost_bps"] == pytest.approx(20.0)
