"""What is said where PyTorch is missing."""

import importlib

import pytest

import pipeline.deep
from pipeline.domain.errors import SettingsError


def test_without_torch_one_line_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"needs PyTorch, an extra: pip install 'regime-hedge\[deep\]'"):
        importlib.reload(pipeline.deep)
