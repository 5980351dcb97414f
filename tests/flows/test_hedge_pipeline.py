"""Where the models of a run go: champions, beside the champions, or nowhere while others are compared."""

import pytest

from flows import hedge_pipeline as module
from pipeline.domain.desk_file import load_any
from pipeline.domain.home import Home
from pipeline.domain.promotion_settings import PromotionSettings
from pipeline.tracking.database import connect
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
def test_a_person_s_run_challenges_where_a_person_has_to_approve_and_somebody_reigns(desk, tmp_path):
    settings, client = load_any(desk), connect(tmp_path / "mlruns")
    asking = settings.model_copy(update={"promotion": PromotionSettings(approval=True)})
    assert place_of_new(client, asking) == CHAMPION, "nobody is there to be challenged"
    client.create_registered_model(f"{desk}.regime_detector")
    client.create_model_version(f"{desk}.regime_detector", "file:///nowhere")
    client.set_registered_model_alias(f"{desk}.regime_detector", CHAMPION, "1")
    assert place_of_new(client, asking) == CHALLENGER
    assert place_of_new(client, settings) == CHAMPION
    assert place_of_new(client, load_any("spx-chain")) == CHAMPION
