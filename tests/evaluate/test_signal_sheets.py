"""What the table of forecasts says of models that are made of realised measures."""

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
    assert "Made of the desk's realised measures: log_sharq;" in lead
    assert "need intraday data" not in lead
