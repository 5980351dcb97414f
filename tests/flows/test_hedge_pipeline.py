"""Where a retrain's models go: beside the champions, or nowhere while others are compared."""

import pytest

from flows import hedge_pipeline as module
from pipeline.tracking.promotion import CHALLENGER


@pytest.mark.parametrize(
    ("why", "anew", "alias"),
    [
        ("", False, CHALLENGER),
        ("7 of 30 options were compared", False, ""),
        ("they have won", True, CHALLENGER),
    ],
)
def test_challengers_that_are_compared_keep_their_place_unless_anew(monkeypatch, tmp_path, why, anew, alias):
    asked = []
    monkeypatch.setattr(module, "why_they_stay", lambda *told: asked.append(told) or why)
    assert module._place("bac-intraday", str(tmp_path), anew) == alias
    for mlruns, evidence, desk, _ in asked:
        assert mlruns == tmp_path / "mlruns"
        assert evidence == tmp_path / "data" / "live" / "bac-intraday" / "shadow.jsonl"
        assert desk.name == "bac-intraday"
    assert bool(asked) is not anew
