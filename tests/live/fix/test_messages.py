"""Reports in FIX's words: what they fill, what they take back, and that what cannot be read halts."""

import random
import re
from types import SimpleNamespace

import pytest

from pipeline.domain.orders import Order, Report, Standing
from pipeline.live.account import replayed
from pipeline.live.fix.messages import cancellation, new_order, number, position_of, report_of
from pipeline.live.journal import Journal
from pipeline.live.order_path import OrderPath


@pytest.fixture
def path(tmp_path):
    """Return a function that gives a desk's path, begun anew from its journal if asked."""
    journals = []

    def begun(anew=False):
        if anew or not journals:
            for each in journals:
                each.journal.close()
            gateway = SimpleNamespace(submit=lambda order: None)
            journals[:] = [OrderPath(Journal(tmp_path / "journal", "desk", now=0), gateway, now=lambda: 0)]
        return journals[0]

    yield begun
    journals[0].journal.close()


FILL = {34: "9", 35: "8", 17: "e1", 11: "a", 150: "F", 39: "1", 54: "2", 32: "0.5", 31: "99.5",
        60: "20260105-10:00:00.250", 58: "thanks", 12: "0.1", 13: "3"}  # fmt: skip
AT = 1_767_607_200_250_000_000


def test_a_fill_is_signed_and_has_its_price_fee_and_time():
    assert report_of(FILL) == Report("a/e1", "a", Standing.WORKING, -0.5, 99.5, 0.1, AT, "thanks")
    assert report_of({**FILL, 54: "1"}).filled == 0.5


@pytest.mark.parametrize(
    ("kind", "told", "paid"),
    [("1", "0.1", 0.05), ("2", "0.001", 0.04975), ("3", "0.1", 0.1), ("4", "0", 0.0)],
)
def test_a_commission_is_money_money_a_unit_or_a_share(kind, told, paid):
    said = {**FILL, 12: told, 13: kind}
    assert report_of(said).fee == pytest.approx(paid, rel=1e-12)
    whole = report_of({**said, 14: "2", 6: "100"}, fee_so_far=True)
    so_far = {"1": 0.2, "2": 0.2, "3": 0.1, "4": 0.0}[kind]
    assert (whole.fee, whole.fee_so_far) == (pytest.approx(so_far, rel=1e-12), True)
    calculated = {tag: each for tag, each in said.items() if tag not in (31, 32)} | {150: "B", 39: "B"}
    assert report_of({**calculated, 14: "2", 6: "100"}).fee == pytest.approx(so_far, rel=1e-12)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({13: "4"}, "of the kind 13 = 4, which is no money: 1, 2 and 3 are booked"),
        ({13: None}, "of the kind 13 = None"),
        ({13: "2", 12: "5"}, r"is 5 of what was traded \(13 = 2\): 5 % is told as 0.05"),
        ({13: "1", 12: "x"}, "could not convert"),
    ],
)
def test_a_commission_that_is_no_money_halts(said, why):
    told = {tag: each for tag, each in (FILL | said).items() if each is not None}
    report = report_of(told)
    assert len(replayed([Order("a", "BTC", -1.0)], [report]).unexplained) == 1
    assert re.search(why, report.text)


def test_a_cancellation_is_of_the_order_not_of_the_request():
    said = {**FILL, 150: "4", 39: "4", 11: "a-x1", 41: "a"}
    assert report_of(said) == Report("a/e1", "a", Standing.CANCELLED, time=AT, text="thanks")


@pytest.mark.parametrize(
    ("commission", "told"), [("fill", ("0.1", "0.2", "0.3")), ("order", ("0.1", "0.3", "0.6"))]
)
@pytest.mark.parametrize("restarts", [False, True])
def test_commissions_are_booked_once_whether_of_a_fill_or_of_the_order_so_far(
    path, commission, told, restarts
):
    path().send(Order("a", "BTC", -3.0))
    for row, each in enumerate(told):
        said = {**FILL, 17: f"e{row}", 32: "1", 12: each}
        here = path(restarts)
        for _ in range(2):
            here.hear(report_of(said, commission == "order"))
    assert path().account.fees == pytest.approx(0.6)
    assert path().account.cash == pytest.approx(3 * 99.5 - 0.6)
    calculated = {**FILL, 17: "e9", 150: "B", 39: "B", 12: "0.75"}
    here = path(restarts)
    here.hear(report_of({key: told for key, told in calculated.items() if key not in (31, 32)}))
    assert here.account.fees == pytest.approx(0.75)
    assert path(restarts).account.fees == pytest.approx(0.75)


@pytest.mark.parametrize(("kind", "of"), [("5", "b"), ("E", "a"), ("6", "a")])
def test_what_is_replaced_is_known_by_its_new_id_once_it_is(kind, of):
    said = {**FILL, 150: kind, 39: "0", 11: "b", 41: "a"}
    assert (report_of(said).order_id, report_of(said).filled) == (of, 0.0)


def test_a_fill_that_is_taken_back_is_not_explained():
    account = replayed([Order("a", "BTC", -1.0)], [report_of(FILL), report_of({**FILL, 17: "e2", 150: "H"})])
    assert account.position("BTC") == -0.5
    assert account.unexplained[0].why == "it fills 0.5 of an order of -1"


def test_a_fill_that_is_corrected_is_not_explained():
    corrected = report_of({**FILL, 17: "e2", 19: "e1", 150: "G", 32: "0.4", 34: "10"})
    account = replayed([Order("a", "BTC", -1.0)], [report_of(FILL), corrected])
    assert (account.position("BTC"), len(account.unexplained)) == (-0.5, 1)
    assert corrected.text == "ValueError: a fill of a was corrected"


def test_a_position_of_several_quantities_is_not_read_by_the_first_of_each():
    told = {55: "BTC", 702: "1", 703: "TOT", 704: "3", 705: "1"}
    assert position_of(told) == ("BTC", 2.0)
    with pytest.raises(ValueError, match="2 quantities of BTC in one report, where one is expected"):
        position_of({**told, 702: "2"})


def test_what_cannot_be_read_halts_under_a_number_that_comes_again_another_day():
    first, second = (report_of({34: "9", 52: f"202601{day}-10:00:00"}) for day in ("05", "06"))
    assert len(replayed([], [first, second]).unexplained) == 2


@pytest.mark.parametrize("tag", [11, 17, 31, 32, 39, 54, 60])
@pytest.mark.parametrize("value", [None, "", "x", "nan", "-1", "inf"])
def test_what_cannot_be_read_is_a_report_of_nobodys_order(tag, value):
    said = {each: told for each, told in FILL.items() if each != tag} | (
        {} if value is None else {tag: value}
    )
    account = replayed([Order("a", "BTC", -1.0)], [report_of(said)])
    known = tag in (11, 17) and value not in (None, "")
    assert len(account.unexplained) == int(not known or tag == 11)
    if not known:
        assert account.positions == {}


def test_reports_at_random_never_raise():
    drawn = random.Random(4)
    values = ["F", "0", "1", "2", "8", "a", "", "-1", "1e400", "nan", "20260105-10:00:00", "é" * 40]
    for _ in range(3000):
        report_of({tag: drawn.choice(values) for tag in drawn.sample([*FILL, 41, 52], drawn.randint(0, 15))})


def test_orders_say_what_is_asked():
    sold = dict(new_order(Order("a", "BTC", -0.3, decided=AT), "A1"))
    told = "20260105-10:00:00.250"
    expected = {11: "a", 1: "A1", 21: "1", 55: "BTC", 54: "2", 60: told, 38: "0.3", 40: "1", 59: "3"}
    assert sold == expected
    bought = dict(new_order(Order("a", "BTC", 0.1 + 0.2, 100.25, AT), ""))
    assert (bought[54], bought[38], bought[40], bought[44], bought[59]) == ("1", "0.3", "2", "100.25", "0")
    asked = dict(cancellation(Order("a", "BTC", 2.0), 5))
    assert (asked[41], asked[11], asked[54], asked[38]) == ("a", "a-x5", "1", "2")


@pytest.mark.parametrize(("value", "written"), [(1e6, "1000000"), (0.07, "0.07"), (1e-12, "0.000000000001")])
def test_numbers_are_written_out(value, written):
    assert number(value) == written
