"""What the table of forecasts says of its models."""

import pandas as pd

from pipeline.evaluate.signal_sheets import forecast_sheet


def test_without_measures_the_report_says_what_it_takes_to_have_their_models(evaluation):
    assert "need intraday data" in forecast_sheet(evaluation).lead
    assert "[data.realized]" in forecast_sheet(evaluation).lead


def test_with_measures_it_names_their_models(evaluation, monkeypatch):
    scores = evaluation.tables["scores"]
    one = scores.iloc[[0]].assign(model="log_sharq")
    monkeypatch.setitem(evaluation.tables, "scores", pd.concat([scores, one], ignore_index=True))
    lead = forecast_sheet(evaluation).lead
    assert "log_sharq see nothing else" in lead
    assert "need intraday data" not in lead


def test_it_says_what_the_trees_add_and_what_does_without_implied_volatility(evaluation, monkeypatch):
    scores = evaluation.tables["scores"]
    lead = forecast_sheet(evaluation).lead
    first = scores[(scores["target"] == scores["target"][0]) & (scores["horizon"] == scores["horizon"][0])]
    loss = dict(zip(first["model"], first["qlike"], strict=True))
    change = 100 * (loss["lightgbm"] / loss["log_linear"] - 1)
    assert f"their start, by {change:+.1f} %".replace("-", "−") in lead
    assert "_no_implied" not in lead
    blind = scores.iloc[[0]].assign(model="lightgbm_no_implied")
    monkeypatch.setitem(evaluation.tables, "scores", pd.concat([scores, blind], ignore_index=True))
    assert (
        "ends in _no_implied is the same model without implied volatility" in forecast_sheet(evaluation).lead
    )
