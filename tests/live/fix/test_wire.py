"""The wire: messages come through however they are cut, and nothing that is garbled does."""

import random

import pytest

from pipeline.domain.errors import GatewayError
from pipeline.live.fix.wire import Framer, encoded, nanoseconds, timestamp

FIELDS = [(35, "8"), (34, "7"), (49, "THEM"), (56, "US"), (58, "prix 8=FIX.4.4 é"), (31, "100.5")]
MESSAGE = dict(FIELDS)


def test_messages_come_through_in_any_pieces():
    content = encoded(FIELDS) * 3
    for size in (1, 2, 7, 40, len(content)):
        framer = Framer()
        pieces = [content[at : at + size] for at in range(0, len(content), size)]
        assert [message for piece in pieces for message in framer.feed(piece)] == [MESSAGE] * 3
        assert framer.garbled == 0


@pytest.mark.parametrize("place", range(0, 95, 7))
def test_a_changed_byte_loses_one_message_and_no_other(place):
    content = bytearray(encoded(FIELDS))
    content[place % len(content)] ^= 0x15
    framer = Framer()
    good = encoded([(35, "0"), (34, "8")])
    assert framer.feed(bytes(content) + good * 2500)[-500:] == [{35: "0", 34: "8"}] * 500
    assert framer.garbled >= 1


def test_a_wrong_length_or_sum_is_garbled():
    content = encoded(FIELDS)
    for wrong in (content.replace(b"\x019=", b"\x019=1", 1), content[:-4] + b"000\x01"):
        framer = Framer()
        assert MESSAGE not in framer.feed(wrong + b"\x00" * 2**16)
        assert framer.garbled


def test_bytes_at_random_never_raise_and_never_stop_what_comes_after():
    drawn = random.Random(5)
    good = encoded(FIELDS)
    for _ in range(300):
        framer, noise = Framer(), bytearray(good * 2)
        for _ in range(drawn.randint(1, 12)):
            at = drawn.randrange(len(noise))
            noise[at : at + drawn.randint(0, 9)] = bytes(
                drawn.randrange(256) for _ in range(drawn.randint(0, 9))
            )
        framer.feed(bytes(noise))
        framer.feed(b"\x01" * 2**16)
        assert framer.feed(good * 3)[-1] == MESSAGE


@pytest.mark.parametrize("value", ["", "a\x01b"])
def test_a_value_that_would_break_the_frame_is_refused(value):
    with pytest.raises(GatewayError, match=r"FIX field 58 is empty or holds the separator$"):
        encoded([(35, "0"), (58, value)])


def test_times_go_there_and_back():
    assert nanoseconds(timestamp(1_700_000_000_123_000_000)) == 1_700_000_000_123_000_000
    assert nanoseconds("20231114-22:13:20") == 1_700_000_000_000_000_000
    for wrong in ("", "20231314-22:13:20", "20231114-22:13:20.x"):
        with pytest.raises(ValueError, match="time"):
            nanoseconds(wrong)
