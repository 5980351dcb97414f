"""Where the models of a run go: champions, beside the champions, or nowhere while others are compared."""

import pytest

from flows import hedge_pipeline as module
from pipeline.domain.desk_file import load_any
from pipeline.domain.home import Home
from pipeline.domain.promotion_settings import PromotionSettings
from pipeline.tracking.promotion import CHALLENGER, CHAMPION
from pipeline.tracking.registry import place_of_new


def test_challengers_that_are_compared_keep_their_place(monkeypatch, tmp_path):
    asked, why = [], {"regime_detector": "7 of 30 options were compared"}
    monkeypatch.setattr(module, "why_they_stay", lambda *told: asked.append(told) or why)
    assert module._staying("bac-intraday", Home(tmp_path)) == {"regime_detector"}
    ((mlruns, evidence, desk, _),) = asked
    assert mlruns == tmp_path / "mlruns"
    assert evidence == tmp_path / "data" / "live" / "bac-intraday" / "shadow.jsonl"
    assert desk.name == "bac-intraday"


@pytest.mark.parametrize("desk", ["bac-intraday", "spx-daily"])
def test_a_person_s_run_makes_challengers_where_a_person_has_to_approve(desk):
    settings = load_any(desk)
    asking = settings.model_copy(update={"promotion": PromotionSettings(approval=True)})
    assert place_of_new(asking) == CHALLENGER
    assert place_of_new(settings) == CHAMPION
    assert place_of_new(load_any("spx-chain")) == CHAMPION
