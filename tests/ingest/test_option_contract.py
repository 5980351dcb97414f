import pyarrow as pa
import pytest

from pipeline.ingest.option_contract import contracts, days


@pytest.mark.parametrize(
    ("root", "settlement", "exercise"),
    [
        ("SPX", "am", "european"),
        ("SPXW", "pm", "european"),
        ("NDXP", "pm", "european"),
        ("VIX", "am", "european"),
        ("SPY", "pm", "american"),
        ("AAPL", "pm", "american"),
    ],
)
def test_settlement_and_exercise_go_by_the_root(root, settlement, exercise):
    said = contracts(pa.array([f"{root}190621P02912500"]))
    assert (said.root.to_pylist(), said.settlement.tolist(), said.exercise.tolist()) == (
        [root],
        [settlement],
        [exercise],
    )
    assert said.expiry.astype(str).tolist() == ["2019-06-21"]
    assert said.strike.tolist() == [2912.5]
    assert said.right.tolist() == [-1]


def test_an_adjusted_contract_keeps_its_digit_and_padding_is_no_part_of_a_root():
    said = contracts(pa.array(["AAPL7150117C00100000", "SPY   210129P00345000"]))
    assert said.root.to_pylist() == ["AAPL7", "SPY"]
    assert said.sound.all()


@pytest.mark.parametrize(
    "name",
    ["", "SPX", "SPX190230C00100000", "spx190621C00100000", "SPX190621C100", None],
)
def test_what_names_no_option_is_not_sound(name):
    assert not contracts(pa.array([name], pa.string())).sound.any()


def test_a_date_is_read_whole_or_not_at_all():
    texts = ["2019-02-30", "13/01/2019", "2019-04-26 extra", "1/2/2019", ""]
    assert days(pa.array(texts)).astype(str).tolist() == ["NaT", "NaT", "NaT", "2019-01-02", "NaT"]
