import numpy as np
import pandas as pd
import pytest

from pipeline.features.feature import REGISTRY, feature

DECLARED = {"inputs": ("close",), "units": "price", "formula": "C", "reference": "none"}


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr("pipeline.features.feature.REGISTRY", fresh := {})
    return fresh


def test_one_feature_for_each_window_with_its_look_back(registry):
    @feature("steps_{window}d", windows=(1, 5), before=2, **DECLARED)
    def steps(close, window):
        """Multiple of the close."""
        return close * window

    assert {name: entry.lookback for name, entry in registry.items()} == {"steps_1d": 3, "steps_5d": 7}
    grid = pd.DataFrame({"close": [1.0, 2.0]})
    np.testing.assert_array_equal(registry["steps_5d"].values(grid), [5.0, 10.0])
    assert registry["steps_1d"].description == "Multiple of the close."
    assert steps(np.ones(1), window=3)[0] == 3.0


def test_a_name_is_given_once(registry):
    def level(close):
        """Close."""
        return close

    feature("level", **DECLARED)(level)
    with pytest.raises(ValueError, match="feature level is registered twice"):
        feature("level", **DECLARED)(level)


def test_a_feature_describes_itself():
    with pytest.raises(ValueError, match="needs a docstring"):
        feature("silent", **DECLARED)(lambda close: close)


def test_a_grid_without_the_input_is_refused(registry):
    def level(close):
        """Close."""
        return close

    feature("level", **DECLARED)(level)
    with pytest.raises(KeyError, match="close"):
        registry["level"].values(pd.DataFrame({"open": [1.0]}))


def test_inputs_are_passed_as_contiguous_floats(registry):
    def kind(close):
        """Close as it arrives."""
        assert close.flags.c_contiguous
        return close

    feature("kind", **DECLARED)(kind)
    grid = pd.DataFrame(np.arange(6).reshape(3, 2), columns=["close", "open"])
    assert registry["kind"].values(grid).dtype == np.float64


def test_the_real_registry_is_not_touched_here(registry):
    assert REGISTRY is not registry
