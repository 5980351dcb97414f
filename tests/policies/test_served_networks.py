"""Which network of several serves when, and what is told of each."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk import Desk
from pipeline.domain.errors import SettingsError, StoreError
from pipeline.domain.home import Home
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.saved_network import keep_network, terms_digest, with_networks
from pipeline.policies.served_networks import network_table, policies_on, served_on
from tests.recurrent import arrays_of, some_recurrent

DAYS = [date(2016, 1, 4), date(2016, 7, 1), date(2017, 1, 3)]
PLAIN = Desk(name="mine", policies={"run": ["recurrent_band"]})
MARKET = {"volatility": [0.08, 0.5], "ratio": [0.8, 1.2], "moves": [[0.99, 0.01], [0.03, 0.97]]}


def kept(number, **facts):
    """Keep a network whose weights are of a seed; return its file and the network."""
    network = some_recurrent(number)
    new = Home.find().root / "new.npz"
    Checkpoint(terms_digest(PLAIN), facts, arrays_of(network)).write(new)
    return keep_network(Home.find(), "mine", "recurrent_band", new.read_bytes()).name, network


@pytest.fixture
def trained():
    """A desk with a network from the first day on, and another from the last."""
    first, one = kept(1, history=[[0, 2.5], [400, 2.25]], market=MARKET, goes_on=False)
    last, other = kept(2, history=[[0, 2.4], [20, 2.2], [40, 2.3]], reached=2.2, market=MARKET, goes_on=True)
    files = {"recurrent_band": {DAYS[0]: first, DAYS[2]: last}}
    return with_networks(PLAIN, files), (first, last), (one, other)


def test_each_day_has_the_network_that_began_to_serve_last(trained):
    desk, _, (one, other) = trained
    served = [desk_policies(served_on(desk, day))["recurrent_band"].network for day in DAYS]
    assert served == [one, one, other]
    assert one != other
    assert desk_policies(desk)["recurrent_band"].network == other, "asked without a day: the newest"


def test_a_day_that_a_network_has_seen_is_not_hedged_by_it():
    file, network = kept(3, seen_until="2016-06-30")
    seeing = with_networks(PLAIN, {"recurrent_band": {DAYS[0]: file}})
    for day in DAYS[1:]:
        assert policies_on(seeing, day, pd.Timestamp(day))["recurrent_band"].network == network
    with pytest.raises(StoreError, match=rf"{file}: recurrent_band learned from the market until 2016-06-30"):
        policies_on(seeing, DAYS[0], pd.Timestamp(DAYS[0]))


def test_before_the_first_there_is_none(trained):
    with pytest.raises(SettingsError, match=r"no network of recurrent_band serves on 2015-12-31, the first"):
        served_on(trained[0], date(2015, 12, 31))


def test_what_each_was_told_is_in_a_table(trained):
    desk, (first, last), _ = trained
    table = network_table(desk, DAYS)
    assert table["network"].tolist() == [first, last]
    assert table["first"].tolist() == [pd.Timestamp(DAYS[0]), pd.Timestamp(DAYS[2])]
    assert table["goes_on"].tolist() == [False, True]
    assert table["steps"].tolist() == [400.0, 40.0]
    assert table["risk_after"].tolist() == [2.25, 2.2], "of the network that was kept"
    told = ["volatility_low", "volatility_high", "ratio_calm", "ratio_wild", "stays_calm", "stays_wild"]
    np.testing.assert_array_equal(table[told].to_numpy(), [[0.08, 0.5, 0.8, 1.2, 0.99, 0.97]] * 2)


def test_a_file_for_all_days_is_one_row_without_what_it_does_not_say():
    file, _ = kept(3)
    policies = PLAIN.policies.model_copy(update={"networks": {"recurrent_band": file}})
    (row,) = network_table(PLAIN.model_copy(update={"policies": policies}), DAYS).to_dict("records")
    assert (row["network"], row["first"]) == (file, pd.Timestamp(DAYS[0]))
    assert np.isnan([row["risk_after"], row["volatility_low"], row["stays_calm"]]).all()
    assert network_table(PLAIN, DAYS).empty


def test_files_by_day_are_written_in_the_desk_file():
    files = {"2016-01-04": "a.npz", "2017-01-03": "b.npz"}
    desk = Desk(name="x", policies={"run": ["recurrent_band"], "networks": {"recurrent_band": files}})
    assert served_on(desk, DAYS[1]).policies.networks == {"recurrent_band": "a.npz"}
    with pytest.raises(ValueError, match="recurrent_band no file"):
        Desk(name="x", policies={"run": [], "networks": {"recurrent_band": {}}})
    with pytest.raises(ValueError, match="recurrent_band has dates: a chain desk takes one file"):
        desk.policies.refuse(desk.regimes, kind="a chain desk")
