"""What is said where the extra is missing."""

import importlib

import pytest

import pipeline.agents
from pipeline.domain.errors import SettingsError


@pytest.mark.parametrize("missing", ["gymnasium", "stable_baselines3"])
def test_without_it_one_line_names_the_extra(monkeypatch, missing):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == missing else object())
    with pytest.raises(SettingsError, match=r"an extra: pip install 'regime-hedge\[rl\]'"):
        importlib.reload(pipeline.agents)
