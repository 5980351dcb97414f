"""Funding is booked once, on what was held, over restarts and however it is told."""

from pipeline.live.carry import KEPT, Booked, Carry

RATE = (10, 0.001)


def test_what_the_journal_tells_counts_from_its_decision_on_though_no_file_tells_it_again():
    """What is settled at midnight is booked at the first decision of a day, which a start makes again."""
    carry = Carry([Booked(10, 0.001, 2.0, 100.0, -0.2).entry(20, "")])
    assert [carry.settle(at, 2.0, 100.0, ()) for at in (15, 20)] == [[], []]
    assert carry.money == -0.2


def test_a_settlement_is_booked_once_however_often_and_otherwise_it_is_told():
    booked = Booked(10, 0.001, 2.0, 100.0, -0.2)
    alive, again = Carry(), Carry([booked.entry(20, "")])
    assert alive.settle(20, 2.0, 100.0, [RATE]) == [booked]
    for carry in (alive, again):
        for told in (RATE, (10, 0.003)):
            assert carry.settle(30, 5.0, 100.0, [told]) == []
        assert carry.money == -0.2


def test_what_is_told_after_what_was_held_is_forgotten_is_not_booked():
    carry = Carry()
    for at in (20, 30 + KEPT):
        carry.settle(at, 2.0, 100.0, ())
    assert carry.settle(40 + KEPT, 2.0, 100.0, [RATE]) == []
    assert carry.money == 0.0
    assert [each.position for each in carry.settle(50 + KEPT, 2.0, 100.0, [(45 + KEPT, 0.001)])] == [2.0]


def test_what_was_missed_before_the_start_is_booked_at_its_first_mid_on_what_was_held_then():
    held = {40: 3.0, 60: -2.0}.__getitem__
    carry, late = Carry([Booked(50, 0.001, 9.0, 100.0, -0.9).entry(55, "")], held), 100 + 2 * KEPT
    assert carry.settle(late, 5.0, float("nan"), [(40, 0.01), (50, 0.001), (60, 0.02)]) == []
    found = carry.settle(late + 10, 5.0, 100.0, [(40, 0.01)])
    assert [(each.settled, each.position, each.money) for each in found] == [(40, 3.0, -3.0), (60, -2.0, 4.0)]
    assert carry.money == -0.9 + 1.0
