import pytest

from pipeline.domain.desk import RegimeSettings
from pipeline.features.catalogue import MODULES, catalogue
from pipeline.features.feature import REGISTRY
from pipeline.ingest.tables import REALIZED_NAMES, VOL_INDEX_NAMES

PROMISED = [
    "return_1d",
    "realized_vol_1d",
    "realized_vol_5d",
    "realized_vol_22d",
    "realized_vol_66d",
    "downside_vol_22d",
    "leverage_5d",
    "upside_vol_22d",
    "downside_share_5d",
    "downside_share_22d",
    "signed_variation_5d",
    "signed_variation_22d",
    "bipower_vol_22d",
    "jump_share_22d",
    "jump_statistic_1d",
    "jumps_66d",
    "parkinson_1d",
    "parkinson_5d",
    "parkinson_22d",
    "log_parkinson_1d",
    "log_parkinson_5d",
    "log_parkinson_22d",
    "garman_klass_22d",
    "yang_zhang_22d",
    "trend_22d",
    "variance_ratio_66d",
    "return_volume_corr_22d",
    "log_volume_ratio",
    "illiquidity_1d",
    "illiquidity_5d",
    "illiquidity_22d",
    "amihud_22d",
    "corwin_schultz_22d",
    "abdi_ranaldo_22d",
    "implied_vol",
    "log_implied_vol",
    "implied_vol_change_1d",
    "vol_risk_premium",
    "spot_vol_corr_22d",
    "vol_of_vol_5d",
    "vol_of_vol_22d",
    "range_dispersion_22d",
    "vol_of_vol_premium_22d",
    "vix9d",
    "vix3m",
    "term_slope_short",
    "term_slope_long",
    "log_term_slope_short",
    "log_term_slope_long",
    "vvix",
    "skew",
    "skew_change_5d",
    "rv_1d",
    "rv_5d",
    "rv_22d",
    "log_rv_1d",
    "upside_rv_1d",
    "downside_rv_1d",
    "log_rq_ratio_1d",
]
INPUTS = {"open", "high", "low", "close", "volume", "implied_vol", *VOL_INDEX_NAMES, *REALIZED_NAMES}


def test_every_promised_feature_is_there_in_the_order_of_the_modules():
    assert [entry.name for entry in catalogue()] == PROMISED


def test_no_registered_feature_is_left_out():
    assert len(catalogue()) == len(REGISTRY)
    assert {entry.module for entry in catalogue()} == {module.__name__ for module in MODULES}


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_each_declares_what_it_is(entry):
    for text in (entry.units, entry.formula, entry.reference, entry.description):
        assert text.strip() == text != ""
    assert entry.description.endswith(".")
    assert entry.lookback >= 1
    assert set(entry.inputs) <= INPUTS


def test_the_regime_features_of_a_default_desk_exist():
    assert set(RegimeSettings().features) <= {entry.name for entry in catalogue()}
