import io

from rich.console import Console

from pipeline.evaluate.terminal import comparison_for_terminal


def test_the_table_fits_a_hundred_columns_and_names_every_policy(evaluation):
    console = Console(width=100, file=io.StringIO())
    console.print(comparison_for_terminal(evaluation))
    text = console.file.getvalue()
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "…" not in text.replace(" … ", " ")
    for policy in evaluation.panel.policies:
        assert f" {policy} " in text
