from datetime import date

import pytest

from pipeline.domain.desk import load_desk
from pipeline.tracking.looks import LEDGER, earlier_looks, log_look


@pytest.fixture
def desk(small_desk):
    return load_desk(str(small_desk))


def with_test_period(desk, first, last):
    windows = desk.windows.model_copy(update={"test_start": first, "test_end": last})
    return desk.model_copy(update={"windows": windows})


def test_a_look_is_entered_with_who_what_and_which_run(experiment, mlruns, desk):
    client, _ = experiment
    log_look(client, mlruns, desk, "backtest-1", "run-1")
    (look,) = client.search_runs([client.get_experiment_by_name(LEDGER).experiment_id])
    tags = look.data.tags
    assert look.info.status == "FINISHED"
    assert (tags["desk"], tags["source"], tags["run_id"]) == ("small", "sample", "run-1")
    assert (tags["test_start"], tags["test_end"]) == ("2017-01-01", "2017-12-31")
    assert tags["policies"] == "6", "three listed and the flagship's three ablations"


def test_the_same_backtest_is_one_look(experiment, mlruns, desk):
    client, _ = experiment
    for backtest in ("backtest-1", "backtest-2", "backtest-2"):
        log_look(client, mlruns, desk, backtest, "run")
    assert earlier_looks(client, mlruns, desk, "backtest-2") == 1
    assert earlier_looks(client, mlruns, desk, "backtest-3") == 2


def test_looks_count_where_the_test_rows_overlap(experiment, mlruns, desk):
    client, _ = experiment
    assert earlier_looks(client, mlruns, desk, "own") == 0
    for first, last in (
        (date(2017, 6, 1), date(2018, 12, 31)),
        (date(2016, 1, 1), date(2016, 12, 31)),
        (date(2017, 12, 31), date(2018, 6, 30)),
    ):
        log_look(client, mlruns, with_test_period(desk, first, last), f"backtest-{first}", "run")
    assert earlier_looks(client, mlruns, desk, "own") == 2
    longer = with_test_period(desk, date(2016, 6, 1), date(2018, 1, 1))
    assert earlier_looks(client, mlruns, longer, "own") == 3
