"""The table of networks by window."""

from dataclasses import replace

from pipeline.evaluate.network_sheet import HEADINGS, network_sheet
from pipeline.evaluate.sheets import Cell


def shown(sheet):
    return [dict(zip(HEADINGS, (cell.text for cell in row), strict=True)) for row in sheet.rows]


def test_one_row_a_network_with_what_it_was_told(evaluation):
    band, first, second = shown(network_sheet(evaluation))
    assert [each["Policy"] for each in (band, first, second)] == ["network_band", "recurrent_band", ""]
    assert (second["Network"], second["First session"]) == ("c.npz", "2016-07-01")
    assert (first["Began with"], second["Began with"]) == ("nothing learned", "the network before")
    risks = [second[f"Risk {when}"] for when in ("untrained", "before", "after")]
    assert [second["Steps"], *risks] == ["40", "2.59000", "2.44000", "2.43000"]
    assert second[HEADINGS[8]] == "8.0 … 60.0"
    assert second[HEADINGS[9]] == "0.75 … 1.30"
    assert second[HEADINGS[10]] == "98.0 … 96.0"
    assert band[HEADINGS[9]] == band[HEADINGS[10]] == Cell("–").text


def test_a_desk_without_networks_has_none(evaluation):
    tables = {**evaluation.tables, "networks": evaluation.tables["networks"].iloc[:0]}
    assert network_sheet(replace(evaluation, tables=tables)) is None
