"""What a run that compares trained hedgers refuses at once."""

import pytest

from flows.hedge_pipeline import hedge_pipeline
from pipeline.domain.errors import SettingsError


@pytest.mark.parametrize(("extra", "why"), [("deep", "nothing was trained"), ("deeep", "did you mean deep")])
def test_an_extra_is_refused_before_anything_is_learned(monkeypatch, tmp_path, extra, why):
    monkeypatch.setenv("HEDGE_HOME", str(tmp_path))
    with pytest.raises(SettingsError, match=f"--with {extra}: .*{why}"):
        hedge_pipeline.fn.__wrapped__("spx-daily", str(tmp_path), learned=[extra])
    assert not list(tmp_path.iterdir())
