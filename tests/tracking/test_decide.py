"""Decisions from the champions: the backtest's own bands, and what is said about old data and models."""

import json

import pandas as pd
import pytest

from pipeline.domain.errors import DataError, StoreError
from pipeline.ingest.calendar import session_closes
from pipeline.ingest.hedge_position import FLAT, HedgePosition, given_position, read_hedge_position
from pipeline.live.decision_log import decision_as_json, log_decision
from pipeline.live.decision_text import decision_as_markdown
from pipeline.live.open_book import OptionTerms
from pipeline.tracking.champions import load_champions
from pipeline.tracking.decide import decide_now

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tables(tracked):
    return {name: tracked.store.open(tracked.keys[name]) for name in ("market", "features", "backtest")}


@pytest.fixture(scope="module")
def decide_after(tracked, tables):
    """Return a function that decides a quarter of an hour and a minute after the close of a session."""
    bars, features = tables["market"]["bars"], tables["features"]["features"]

    def decided(
        session, position=0.0, *, desk=tracked.desk, positions=None, later="16min", market=None, **terms
    ):
        held = position if isinstance(position, HedgePosition) else given_position(position)
        now = session_closes(pd.DatetimeIndex([session]))[0] + pd.Timedelta(later)
        return decide_now(
            desk, "small-desk.toml", tracked.home.mlruns, market or {"bars": bars}, features, positions,
            OptionTerms(**terms), held, now,
        )  # fmt: skip

    return decided


@pytest.fixture(scope="module")
def path(tables):
    """What the backtest did with the flagship and with delta through the most turbulent episode."""
    rows = tables["backtest"]["path"]
    return {name: own.reset_index(drop=True) for name, own in rows.groupby("policy")}


def order_of(decision, policy):
    (order,) = (each for each in decision.orders if each.policy == policy)
    return order


@pytest.mark.parametrize("day", [0, 7, 20])
def test_band_and_order_are_those_of_the_backtest(decide_after, tables, path, day):
    bars = tables["market"]["bars"].set_index("session")
    days = path["regime_switched"]["session"]
    expiry = bars.index[bars.index.get_loc(days.iloc[0]) + 21]
    option = {"strike": bars["close"][days.iloc[0]], "expiry": expiry, "opened": days.iloc[0]}
    for policy in ("regime_switched", "delta_implied"):
        own = path[policy]
        before = float(own["position"][day - 1]) if day else 0.0
        decision = decide_after(days.iloc[day], before, **option)
        order = order_of(decision, policy)
        assert order.band_lower == pytest.approx(own["lower"][day], rel=1e-9)
        assert order.band_upper == pytest.approx(own["upper"][day], rel=1e-9)
        assert order.target == pytest.approx(own["position"][day], rel=1e-9)
        assert order.quantity == pytest.approx(abs(own["position"][day] - before), abs=1e-9)
    assert decision.session == f"{days.iloc[day]:%Y-%m-%d}"
    assert not decision.stale


def test_money_is_that_of_the_data_and_the_models_are_named(decide_after, tracked, tables):
    session = pd.Timestamp("2017-09-28")
    decision = decide_after(session)
    close = float(tables["market"]["bars"].set_index("session")["close"][session])
    assert decision.spot == close
    assert decision.hedge_price == pytest.approx(close, rel=5e-3)
    order = order_of(decision, "delta_implied")
    assert order.side == "buy"
    assert order.value == pytest.approx(order.quantity * decision.hedge_price)
    assert order.cost == pytest.approx(order.value * decision.cost_bps * 1e-4)
    assert sum(decision.regime_prob.values()) == pytest.approx(1.0)
    (option,) = decision.options
    assert (option.kind, option.quantity, option.strike) == ("call", -1.0, close)
    assert option.forecast_vol_lower < option.forecast_vol < option.forecast_vol_upper
    champion = tracked.client.get_model_version_by_alias("small.regime_switched", "champion")
    cards = {card["name"]: card for card in decision.models}
    assert cards["small.regime_switched"]["version"] == str(champion.version)
    assert cards["small.regime_switched"]["run_id"] == champion.run_id
    assert len(cards) == 5


def test_adjusted_prices_are_shown_in_the_quoted_money_of_the_day(decide_after, tables):
    session, bars = pd.Timestamp("2017-09-28"), tables["market"]["bars"]
    prices = ["open", "high", "low", "close"]
    adjustment = pd.DataFrame({"session": bars["session"], "factor": 1.5})
    adjusted = {"bars": bars.assign(**{name: 1.5 * bars[name] for name in prices}), "adjustment": adjustment}
    plain, shown = decide_after(session), decide_after(session, market=adjusted)
    assert shown.spot == pytest.approx(plain.spot, rel=1e-12)
    assert shown.options[0].strike == pytest.approx(plain.options[0].strike, rel=1e-12)
    for policy in ("regime_switched", "delta_implied"):
        assert order_of(shown, policy).target == pytest.approx(order_of(plain, policy).target, rel=1e-9)
        assert order_of(shown, policy).value == pytest.approx(order_of(plain, policy).value, rel=1e-9)


def test_a_decision_says_where_the_position_comes_from(decide_after, tmp_path):
    session, file = pd.Timestamp("2017-09-28"), tmp_path / "held.csv"
    file.write_text("instrument,position,as_of\nES,0.25,2017-09-28T16:05-04:00\n")
    held, given, flat = (
        decide_after(session, each) for each in (read_hedge_position(file, "ES", "XNYS"), 0.25, FLAT)
    )
    assert (held.position_source, held.position_as_of) == ("held.csv, row 2", "2017-09-28T16:05-04:00")
    assert (given.position_source, given.position_as_of) == ("given with --position", None)
    assert held.orders == given.orders
    assert [order.position for order in held.orders] == [0.25, 0.25]
    assert flat.position_source == "assumed flat"
    assert any(text.startswith("nothing of the hedge is assumed to be held") for text in flat.warnings)
    assert not any("assumed" in text for text in (*held.warnings, *given.warnings))
    shown = decision_as_markdown(held)
    assert "- **held**: 0.25 of the future, held.csv, row 2, as of 2017-09-28T16:05-04:00" in shown
    assert json.loads(decision_as_json(held))["position_source"] == "held.csv, row 2"


def test_a_stale_position_decides_nothing(decide_after, tmp_path):
    file = tmp_path / "held.csv"
    file.write_text("instrument,position,as_of\nfuture,0.25,2017-09-27\n")
    with pytest.raises(DataError, match=r"held\.csv, row 2: is as of 2017-09-27, before the session of 2017"):
        decide_after(pd.Timestamp("2017-09-28"), read_hedge_position(file, "future", "XNYS"))


def test_two_equal_options_are_hedged_as_twice_one_and_a_multiplier_counts_contracts(decide_after, tracked):
    hedge = tracked.desk.hedge.model_copy(update={"multiplier": 50.0})
    desk = tracked.desk.model_copy(update={"hedge": hedge})
    session = pd.Timestamp("2017-09-28")
    one, two = (decide_after(session, desk=desk, quantity=quantity) for quantity in (-1.0, -2.0))
    for policy in ("regime_switched", "delta_implied"):
        single, double = order_of(one, policy), order_of(two, policy)
        assert double.target == pytest.approx(2 * single.target)
        assert double.contracts == pytest.approx(double.quantity / 50.0)
    assert not any("settings changed" in text for text in one.warnings), "a multiplier changes no decision"


def test_nothing_that_is_known_later_is_looked_at(decide_after):
    session = pd.Timestamp("2017-09-28")
    early = decide_after(session, later="14min")
    assert early.session == "2017-09-27"
    assert not early.stale
    assert any("known only after this decision" in text for text in early.warnings)


def test_old_data_old_models_and_changed_settings_are_told(decide_after, tracked):
    late = decide_after(pd.Timestamp("2018-12-31"), later="30D 16min")
    assert (late.stale, late.expected_session) == (True, "2019-01-30")
    assert late.warnings[0].startswith("stale data: the newest session is 2018-12-31, 20 sessions behind")
    assert any("a refit is due since 2018-01-03" in text for text in late.warnings)
    dear = tracked.desk.model_copy(update={"costs": tracked.desk.costs.model_copy(update={"fee_bps": 2.0})})
    told = decide_after(pd.Timestamp("2017-09-28"), desk=dear)
    assert any("costs.fee_bps 0.2 → 2.0" in text for text in told.warnings)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (
            {"expiry": pd.Timestamp("2017-10-01")},
            "expiry in row 1 is 2017-10-01, which is no session of XNYS",
        ),
        ({"expiry": pd.Timestamp("2017-09-20")}, "--expiry 2017-09-20: the option has expired by 2017-09-28"),
        ({"expiry": pd.Timestamp("2018-03-29")}, "forecasts reach 21: add 125 to forecasts.horizons"),
        ({"opened": pd.Timestamp("2017-09-24")}, "opened in row 1 is 2017-09-24, which is no session"),
        ({"position": float("nan")}, "--position is nan"),
    ],
)
def test_what_cannot_be_decided_is_one_line(decide_after, terms, message):
    with pytest.raises(DataError, match=message) as caught:
        decide_after(pd.Timestamp("2017-09-28"), **terms)
    assert "\n" not in str(caught.value)


def test_a_decision_is_written_whole_and_never_over_another(decide_after, tmp_path):
    decision = decide_after(pd.Timestamp("2017-09-28"))
    files = {log_decision(tmp_path, decision) for _ in range(2)}
    assert len(files) == 2
    assert sorted((tmp_path / "small").iterdir()) == sorted(files)
    for file in files:
        assert file.name.startswith("2017-09-28-decided-20170928T201600-")
        assert file.read_text() == decision_as_json(decision)
        assert json.loads(file.read_text())["orders"][0]["policy"] == "regime_switched"


def test_without_a_champion_the_command_that_makes_one_is_named(tracked, tmp_path):
    for mlruns in (tmp_path / "mlruns", tracked.home.mlruns):
        with pytest.raises(StoreError, match=r"no champion.* yet.*: `hedge run other\.toml` makes one"):
            load_champions(mlruns, "other", "other.toml")
