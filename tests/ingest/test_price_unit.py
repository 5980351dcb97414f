import numpy as np

from pipeline.ingest.price_unit import PriceUnit


def test_a_later_batch_in_another_unit_is_strange_from_its_first_row():
    unit = PriceUnit()
    assert not unit.strange(np.array([13.0, 14.0])).any()
    assert unit.strange(np.array([1300.0, 1400.0])).all()
    assert not unit.strange(np.array([13.5])).any()


def test_what_is_usual_follows_the_market():
    unit = PriceUnit()
    for price in np.geomspace(1.0, 1000.0, 20):
        assert not unit.strange(np.full(5, price)).any()


def test_no_price_is_not_strange():
    assert not PriceUnit().strange(np.array([np.nan, 0.0, -1.0])).any()
