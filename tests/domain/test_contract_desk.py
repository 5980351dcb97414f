import pytest

from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.desk import desk_keys, validated
from pipeline.domain.desk_file import kind_of, load_any
from pipeline.domain.errors import SettingsError
from tests.american_contract import DESK

WRONG = {
    "dividend_yield": (("market", "dividend_yield", 0.02), "market.dividend_yield must be 0"),
    "block": (("evaluation", "block_sessions", 19), "use at least 20"),
    "horizon": (("training", "sessions", 40), "forecasts.horizons must reach"),
    "stepped": (("policies", "run", ["limit_aware"]), "limit_aware, which a contract desk does not run"),
    "chain": (("policies", "run", ["history_slope"]), "history_slope, which a contract desk does not run"),
    "map": (("policies", "run", ["regime_map"]), r"\[regimes.map\] is empty"),
    "states": (("regimes", "states", "bic"), "must be a number"),
    "until": (("option", "until", "exercise"), "option.until"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_setting_that_does_not_fit_is_named(fault):
    (table, key, value), message = WRONG[fault]
    keys = desk_keys(DESK, "made.toml")
    keys.pop("kind")
    keys.setdefault(table, {})[key] = value
    with pytest.raises(SettingsError, match=message):
        validated(ContractDesk, keys, "made.toml")


def test_the_shipped_desk_is_of_this_kind_and_learns_before_it_deals():
    desk = load_any("aapl-american")
    assert kind_of(desk) == "contract"
    assert desk.windows.signals_start < desk.windows.test_start
    assert desk.of_training("put", 1.5).option.kind == "put"
    assert desk.of_training("put", 1.5).market.atm_ratio == 1.5


def test_costs_and_policies_change_no_signal_and_no_mark():
    desk = load_any("aapl-american")
    dear = desk.model_copy(update={"costs": desk.costs.model_copy(update={"fee_bps": 50.0})})
    assert dear.for_signals() == desk.for_signals()
    assert dear.for_marks() == desk.for_marks()
    with pytest.raises(SettingsError, match="the newest quote is of"):
        desk.through(desk.windows.test_start)
