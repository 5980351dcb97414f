"""One American option hedged over its life: its end, the ledger with dividends, what hedgers see of it."""

import itertools
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.contract_explain import PARTS, contract_moves, daily_rows
from pipeline.backtest.contract_hedge import contract_hedge, hedged
from pipeline.backtest.contract_life import contract_life
from pipeline.domain.band import Band
from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.desk import desk_keys, validated
from pipeline.domain.errors import DataError
from pipeline.features.contract_marks import contract_matrix
from pipeline.ingest.contract_files import content_of, load_contract
from pipeline.policies.base import Untrained
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.no_hedge import NoHedge
from pipeline.pricing.american import Dividends
from tests.american_contract import AMOUNT, DESK, STRIKE, VOL, coarse_grid, share, write_files


def desk_of(folder, **option):
    keys = desk_keys(DESK, "made.toml")
    keys.pop("kind")
    keys["data"]["folder"] = str(folder)
    keys["option"] = option
    keys["market"] = {"rate": 0.002, "dividend_yield": 0.0}
    return validated(ContractDesk, keys, "made.toml")


@pytest.fixture(scope="module", autouse=True)
def _coarse():
    with coarse_grid():
        yield


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    folder = write_files(tmp_path_factory.mktemp("acme"))
    data = desk_of(folder).data
    return folder, load_contract(data, content_of(data))


@pytest.fixture(scope="module")
def matrix(market):
    folder, tables = market
    return contract_matrix(tables, desk_of(folder).for_marks())


@pytest.fixture(scope="module")
def signals(market):
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"session": market[1]["closes"]["session"].iloc[-120:].reset_index(drop=True)})
    table = table.assign(implied_vol=VOL, regime_prob_0=rng.uniform(0.2, 0.8, len(table)))
    table = table.assign(regime_prob_1=1.0 - table["regime_prob_0"])
    daily = (VOL**2 / 252) * rng.uniform(0.8, 1.2, len(table))
    sums = {
        f"{kind}_variance_{m}": scale * m * daily
        for kind, scale in (("forecast", 1.0), ("lower", 0.5), ("upper", 2.0), ("regime", 1.1))
        for m in range(1, 22)
    }
    names = ("illiquidity_next", "illiquidity_forecast", "lower_illiquidity", "upper_illiquidity")
    events = dict.fromkeys(("spike_prob", "gap_prob", "spike_base", "gap_base"), 0.1)
    liquid = {name: rng.uniform(0.8, 1.2, len(table)) for name in names}
    return pd.concat([table, pd.DataFrame(sums)], axis=1).assign(**events, **liquid)


def lived(market, matrix, **option):
    desk = desk_of(market[0], **option)
    tables = (matrix["contract"], matrix["marks"], matrix["expected"], market[1]["dividends"])
    return desk, contract_life(desk, *tables)


class Hold(Untrained):
    """Hold so many shares."""

    name = "hold"

    def __init__(self, shares):
        self.shares = shares

    def band(self, state):
        return Band.around(np.full(state.forward.shape, self.shares))


def test_marks_find_the_volatility_and_the_dividends_that_were_put_in(matrix):
    marks = matrix["marks"]
    quoted = marks[marks["bid"].notna() & (marks["session"] < "2015-12-15")]
    assert quoted["implied_vol"].to_numpy() == pytest.approx(VOL, abs=2e-3)
    assert marks["mid"].isna().sum() == 10
    assert (marks["session"].iloc[0], marks["session"].iloc[-1]) == (
        pd.Timestamp("2015-09-01"),
        pd.Timestamp("2016-01-15"),
    )
    first = matrix["expected"][matrix["expected"]["session"] == "2015-09-01"]
    assert first["ex_date"].tolist() == [pd.Timestamp("2015-11-05")]
    assert first["amount"].to_numpy() == pytest.approx(AMOUNT, abs=1e-3)


def test_it_is_dealt_at_the_bid_and_settled_at_its_expiry(market, matrix):
    desk, life = lived(market, matrix)
    close = share()
    assert (life.ending, life.sessions[-1]) == ("expired", pd.Timestamp("2016-01-15"))
    assert life.entry == matrix["marks"]["bid"].iloc[0]
    assert life.exit == pytest.approx(max(close.iloc[-1] - STRIKE, 0.0), abs=1e-9)
    assert life.delivered == float(close.iloc[-1] > STRIKE)
    assert life.paid.sum() == pytest.approx(AMOUNT, abs=1e-3)
    assert life.quoted.sum() == len(life.sessions) - 10
    assert life.checks["session"].tolist() == [pd.Timestamp("2015-11-04")]
    assert desk.option.side == "short"


def test_it_is_closed_at_the_other_side_of_its_last_quote(market, matrix):
    last = matrix["marks"].dropna(subset="mid").iloc[-1]
    for side, leave, enter in (("short", "ask", "bid"), ("long", "bid", "ask")):
        _, life = lived(market, matrix, until="last_quote", side=side)
        assert (life.ending, life.sessions[-1], life.exit) == ("closed", last["session"], last[leave])
        assert life.entry == matrix["marks"][enter].iloc[0]
        assert life.delivered == 0.0


def paying(market, matrix, amount):
    """The same contract on a share whose dividend of November is another one."""
    dividends = market[1]["dividends"].copy()
    last = dividends["ex_date"] == dividends["ex_date"].max()
    dividends.loc[last, "amount"] = amount
    expected = matrix["expected"].copy()
    near = (expected["session"] >= "2015-10-27") & (expected["ex_date"] == pd.Timestamp("2015-11-05"))
    expected.loc[near, "amount"] = amount
    return dividends, expected


def test_one_that_is_dealt_on_the_evening_before_an_ex_date_may_be_assigned_that_evening(market, matrix):
    dividends, expected = paying(market, matrix, 20.0)
    marks = matrix["marks"].copy()
    marks.loc[marks["session"] <= "2015-11-04", "spot"] += 15.0
    desk = desk_of(market[0])
    windows = desk.windows.model_copy(update={"test_start": date(2015, 11, 4)})
    desk = desk.model_copy(update={"windows": windows})
    with pytest.raises(DataError, match=r"exercised on 2015-11-04, the evening it would .* later"):
        contract_life(desk, matrix["contract"], marks, expected, dividends)


def test_a_dividend_above_the_time_value_ends_it_on_the_evening_before(market, matrix):
    dividends, expected = paying(market, matrix, 20.0)
    marks = matrix["marks"].copy()
    marks.loc[marks["session"] <= "2015-11-04", "spot"] += 15.0
    desk = desk_of(market[0])
    life = contract_life(desk, matrix["contract"], marks, expected, dividends)
    assert (life.ending, life.sessions[-1]) == ("exercised", pd.Timestamp("2015-11-04"))
    assert life.exit == pytest.approx(life.spot[-1] - STRIKE)
    assert life.delivered == 1.0
    assert life.checks["time_value"].iloc[0] < 20.0
    assert life.checks["exercised"].tolist() == [True]


def test_a_covered_call_that_is_assigned_earns_premium_and_strike_and_no_dividend(market, matrix, signals):
    """P&L = premium + K − S₀ − cost of buying at the start; nothing is traded at the end."""
    dividends, expected = paying(market, matrix, 20.0)
    marks = matrix["marks"].copy()
    marks.loc[marks["session"] <= "2015-11-04", "spot"] += 15.0
    desk = desk_of(market[0])
    desk = desk.model_copy(update={"market": desk.market.model_copy(update={"rate": 0.0})})
    life = contract_life(desk, matrix["contract"], marks, expected, dividends)
    hedge = contract_hedge(desk, life, signals)
    _, ledger = hedged(hedge, Hold(1.0))
    cost = hedge.market.cost[0, 0, 0] * life.spot[0]
    earned = life.entry + STRIKE - life.spot[0] - cost
    assert ledger.pnl[0] / hedge.scale == pytest.approx(earned, abs=1e-9)
    assert ledger.trades[0] == 1.0
    assert ledger.carry[0] == 0.0


@pytest.mark.parametrize("side", ["short", "long"])
@pytest.mark.parametrize("shares", [1.0, -0.5])
def test_the_ledger_with_a_dividend_is_a_closed_form(market, matrix, signals, side, shares):
    """P&L = ±(premium − payoff) + δ (S_E − S_0 + D) − cost at a rate of zero; a short position pays D."""
    desk, life = lived(market, matrix, side=side)
    desk = desk.model_copy(update={"market": desk.market.model_copy(update={"rate": 0.0})})
    hedge = contract_hedge(desk, life, signals)
    _, ledger = hedged(hedge, Hold(shares))
    sign = 1.0 if side == "short" else -1.0
    share_of_it = shares * (life.spot[-1] - life.spot[0] + life.paid.sum())
    rate = hedge.market.cost[0, :, 0]
    lacking = abs(sign * life.delivered - shares)
    cost = rate[0] * abs(shares) * life.spot[0] + rate[-1] * lacking * life.spot[-1]
    expected = sign * (life.entry - life.exit) + share_of_it - cost
    assert ledger.pnl[0] / hedge.scale == pytest.approx(expected, abs=1e-9)
    assert ledger.carry[0] / hedge.scale == pytest.approx(shares * life.paid.sum(), abs=1e-9)


def test_interest_is_earned_on_the_cash_of_every_day(market, matrix, signals):
    desk, life = lived(market, matrix)
    hedge = contract_hedge(desk, life, signals)
    _, ledger = hedged(hedge, NoHedge())
    days = (life.days[-1] - life.days[0]).astype(int)
    assert ledger.carry[0] == pytest.approx(hedge.market.premium[0] * np.expm1(0.002 * days / 365), rel=1e-12)


@pytest.mark.parametrize("side", ["short", "long"])
def test_days_add_up_to_the_ledger_and_parts_to_the_day(market, matrix, signals, side):
    desk, life = lived(market, matrix, side=side)
    hedge = contract_hedge(desk, life, signals)
    moves = contract_moves(hedge, life)
    for policy in (DeltaImplied(), NoHedge(), Hold(0.7)):
        band, ledger = hedged(hedge, policy)
        days = daily_rows(policy.name, hedge, life, moves, band, ledger)
        assert days["pnl"].sum() == pytest.approx(float(ledger.pnl[0]), abs=1e-9)
        parts = days[list(PARTS)].assign(cost=-days["cost"]).sum(axis=1)
        np.testing.assert_allclose(parts, days["pnl"], atol=1e-9)
        assert days["cost"].sum() == pytest.approx(float(ledger.cost[0]), abs=1e-12)
        assert (days["dividends"] + days["carry"]).sum() == pytest.approx(float(ledger.carry[0]), abs=1e-9)
    assert np.sign(moves.gamma[:20]).tolist() == [1.0 if side == "long" else -1.0] * 20


def test_the_greeks_leave_little_of_the_options_moves(market, matrix, signals):
    desk, life = lived(market, matrix, until="last_quote")
    hedge = contract_hedge(desk, life, signals)
    moves = contract_moves(hedge, life)
    band, ledger = hedged(hedge, DeltaImplied())
    days = daily_rows("delta_implied", hedge, life, moves, band, ledger).iloc[:-10]
    assert days["residual"].std() < 0.1 * days["options"].std()


def test_the_hedge_of_delta_is_quantlibs_delta(market, matrix, signals):
    desk, life = lived(market, matrix)
    hedge = contract_hedge(desk, life, signals)
    band, _ = hedged(hedge, DeltaImplied())
    for k in (0, 20, 60):
        day = life.days[k]
        coming = Dividends(*(np.asarray(each) for each in life.expected[int(day.astype(int))]))
        greeks = life.option.greeks(day, life.spot[k], life.vol[k], coming)
        assert band.lower[0, k, 0] == pytest.approx(greeks.delta, abs=1e-12)
        assert hedge.state.model.delta_gamma(hedge.state.liability, hedge.state.implied_vol)[1][
            0, k
        ] == pytest.approx(-greeks.gamma / hedge.scale, rel=1e-12)


def policies_of(desk):
    return desk_policies(
        desk.of_training("call", 1.0).model_copy(
            update={
                "policies": desk.policies.model_copy(
                    update={"run": ("leland", "zakamouline", "whalley_wilmott", "regime_switched")}
                )
            }
        )
    )


def test_without_dividends_hedgers_do_what_they_do_with_blacks_formula(market, matrix, signals):
    """An American call on a share without dividends is the European one."""
    desk = desk_of(market[0], until="last_quote")
    none = market[1]["dividends"].iloc[:0]
    life = contract_life(desk, matrix["contract"], matrix["marks"], matrix["expected"].iloc[:0], none)
    state = contract_hedge(desk, life, signals).state
    for policy in policies_of(desk).values():
        found, known = policy.band(state), policy.band(replace(state, model=None))
        np.testing.assert_allclose(found.lower, known.lower, atol=3e-3)
        np.testing.assert_allclose(found.upper, known.upper, atol=3e-3)


def test_bands_of_all_times_are_those_asked_one_by_one(market, matrix, signals):
    desk, life = lived(market, matrix)
    state = contract_hedge(desk, life, signals).state
    for policy, k in itertools.product(policies_of(desk).values(), (0, 40, 90)):
        whole, one = policy.band(state), policy.band(state.at(k))
        assert one.lower[0, 0, 0] == pytest.approx(whole.lower[0, k, 0], abs=1e-12)
        assert one.upper[0, 0, 0] == pytest.approx(whole.upper[0, k, 0], abs=1e-12)


def test_what_comes_later_changes_no_band_before(market, matrix, signals):
    desk, life = lived(market, matrix)
    now = pd.Timestamp("2015-10-15")
    rng = np.random.default_rng(8)
    marks, later, expected = matrix["marks"].copy(), signals.copy(), matrix["expected"].copy()
    rows = (marks["session"] > now).to_numpy()
    for name in ("spot", "bid", "ask", "mid", "implied_vol"):
        marks.loc[rows, name] *= rng.uniform(0.9, 1.1, rows.sum())
    expected.loc[expected["session"] > now, "amount"] *= 3.0
    after = later["session"] > now
    later.loc[after, later.columns[1:]] *= 0.9
    other = contract_life(desk, matrix["contract"], marks, expected, market[1]["dividends"])
    count = int((life.sessions <= now).sum())
    known, changed = contract_hedge(desk, life, signals).state, contract_hedge(desk, other, later).state
    for policy in policies_of(desk).values():
        before, scrambled = policy.band(known), policy.band(changed)
        np.testing.assert_array_equal(before.lower[0, :count], scrambled.lower[0, :count])
        np.testing.assert_array_equal(before.upper[0, :count], scrambled.upper[0, :count])


def test_what_cannot_be_hedged_is_one_clear_error(market, matrix, signals):
    tables = (matrix["contract"], matrix["marks"], matrix["expected"], market[1]["dividends"])
    european = matrix["contract"].assign(exercise="european")
    with pytest.raises(DataError, match="the contract is european"):
        contract_life(desk_of(market[0]), european, *tables[1:])
    short = tables[1].iloc[:-3]
    with pytest.raises(DataError, match=r'expires on 2016-01-15: .*until = "last_quote"'):
        contract_life(desk_of(market[0]), tables[0], short, *tables[2:])
    with pytest.raises(DataError, match="both sides on 0 days"):
        contract_life(desk_of(market[0]), tables[0], tables[1].assign(mid=np.nan), *tables[2:])
    _, life = lived(market, matrix)
    with pytest.raises(DataError, match="no signals are known before 2015-09-01"):
        contract_hedge(desk_of(market[0]), life, signals[signals["session"] >= "2015-09-01"])


def test_a_split_within_its_life_is_refused(market):
    folder, tables = market
    split = tables["dividends"].assign(
        split=np.where(tables["dividends"]["ex_date"] > "2015-10-01", 2.0, 1.0)
    )
    with pytest.raises(DataError, match="the share is split on 2015-11-05"):
        contract_matrix({**tables, "dividends": split}, desk_of(folder).for_marks())
