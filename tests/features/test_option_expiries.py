from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.features.option_expiries import option_expiries, slice_of, with_implied_vols
from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.settlement_time import settlement_times
from tests.option_chain import CARRY, RATE, chain, surface

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "options" / "spx_chains_2019"
DAY = "2019-05-28"


def test_forward_discount_vols_and_slices_of_a_chain_that_is_known():
    quotes = chain(DAY)
    quoted, _ = with_implied_vols(quotes)
    expiries = option_expiries(quotes)
    time = expiries["time_to_expiry"].to_numpy()
    assert expiries["root"].tolist() == ["SPXW", "SPX", "SPX", "SPX", "SPX"]
    np.testing.assert_allclose(expiries["forward"], 100.0 * np.exp(CARRY * time), rtol=1e-9)
    np.testing.assert_allclose(expiries["discount"], np.exp(-RATE * time), rtol=1e-8)
    k = np.log(quoted["strike"] / quoted["forward"])
    true = [float(surface(t).vol(x, t)) for t, x in zip(quoted["time_to_expiry"], k, strict=True)]
    out = quoted["implied_vol"].notna() & ((quoted["right"] > 0) == (k >= 0))
    np.testing.assert_allclose(quoted["implied_vol"][out], np.array(true)[out], atol=1e-6)
    near = np.linspace(-0.05, 0.05, 11)
    for row, t in enumerate(time):
        np.testing.assert_allclose(
            slice_of(expiries.loc[row]).vol(near, t), surface(t).vol(near, t), atol=2e-4
        )
    assert (expiries["calendar_gap"].dropna() > 0.0).all()


def test_an_option_of_root_spx_settles_at_the_open_of_its_expiry():
    times = option_expiries(chain(DAY, expiries=("06-21", "06-28")), tenors=[])["time_to_expiry"]
    opened, closed = pd.Timestamp("2019-06-21 13:30", tz="UTC"), pd.Timestamp("2019-06-28 20:00", tz="UTC")
    event = pd.Timestamp("2019-05-28 20:00", tz="UTC")
    np.testing.assert_allclose(times, [(each - event) / pd.Timedelta(days=365) for each in (opened, closed)])


def test_an_expiry_without_a_session_settles_in_the_last_one_before():
    found = settlement_times(["2014-06-21", "2019-04-19"], [True, False])
    assert found.strftime("%F %H:%M").tolist() == ["2014-06-20 13:30", "2019-04-18 20:00"]


def test_too_few_strikes_leave_an_expiry_without_forward_and_slice():
    one = option_expiries(chain(DAY, strikes=[100.0]))
    assert one["forward"].isna().all()
    assert one["a"].isna().all()
    assert one["without_slice"].str.startswith("no forward").all()
    four = option_expiries(chain(DAY, strikes=[98.0, 99.0, 101.0, 102.0]))
    assert four["forward"].notna().all()
    assert four["without_slice"].str.contains("needs 5").all()


def test_only_expiries_beside_the_tenors_get_a_slice():
    found = option_expiries(chain(DAY), tenors=[30 / 365])
    assert found["a"].notna().tolist() == [False, True, True, False, False]


@pytest.mark.parametrize("change", [{"exercise": "american"}, {"underlying": "X"}])
def test_what_is_no_european_chain_of_one_day_is_refused(change):
    quotes = chain(DAY)
    other = quotes.assign(**change) if "exercise" in change else pd.concat([quotes, quotes.assign(**change)])
    with pytest.raises(DataError, match=r"European|more than one"):
        option_expiries(other)
    with pytest.raises(DataError, match="more than one time"):
        option_expiries(pd.concat([quotes, chain("2019-05-29")]))


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data/options/spx_chains_2019")
def test_vendor_volatilities_of_2019_agree():
    rows = [
        batch.rows.to_pandas()
        for batch in read(RawStream(str(SHARED / "SPX_20190528.csv.gz")), Terms())
        if batch.table == "option_quotes"
    ]
    quoted, expiries = with_implied_vols(pd.concat(rows, ignore_index=True))
    out = (quoted["right"] > 0) == (quoted["strike"] >= quoted["forward"])
    near = np.abs(np.log(quoted["strike"] / quoted["forward"])) < 0.1
    use = (
        out
        & near
        & (quoted["bid"] > 0.0)
        & (quoted["time_to_expiry"] > 7 / 365)
        & (quoted["vendor_vol"] > 0.0)
    )
    off = (quoted["implied_vol"] - quoted["vendor_vol"])[use]
    assert off.notna().mean() > 0.99
    assert off.abs().median() < 0.0005
    long = expiries["time_to_expiry"] > 7 / 365
    assert (expiries["forward_error"] < 0.05)[long].all()
    assert (expiries["violated"] < 0.01)[long].all()
