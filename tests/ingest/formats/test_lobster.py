"""A pair of files as LOBSTER writes them, made by a small market here."""

import numpy as np
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest import raw_stream
from pipeline.ingest.formats.lobster import recognises
from pipeline.ingest.market_tables import QUARANTINE, ladder

SIDES = ["bid_price", "bid_size", "ask_price", "ask_size"]
NAME = "AAPL_2012-06-21_34200000_57600000_{}_2.csv"
EMPTY = "9999999999,0,-9999999999,0"
MESSAGES = [
    "34200.004241176,1,16113575,18,5853300,1",
    "34200.025551909,4,16113584,7,5853400,-1",
    "34200.201743600,5,0,3,5853350,1",
    "34201.5,7,0,0,-1,-1",
    "34202.5,7,0,0,1,-1",
    "34203.5,6,-1,100,5853000,-1",
]
BOOKS = [
    f"5853400,200,5853300,18,{EMPTY}",
    f"5853400,193,5853300,18,{EMPTY}",
    f"5853400,193,5853300,18,{EMPTY}",
    f"5853400,193,5853300,18,{EMPTY}",
    f"5853400,193,5853300,18,{EMPTY}",
    "5853400,193,5853300,18,5853500,4,5853200,9",
]


@pytest.fixture
def written(tmp_path, tables):
    def run(messages=MESSAGES, books=BOOKS, **terms):
        for kind, lines in (("message", messages), ("orderbook", books)):
            (tmp_path / NAME.format(kind)).write_text("".join(f"{line}\n" for line in lines))
        return tables(tmp_path / NAME.format("message"), **terms)

    return run


def test_both_files_are_known_by_their_names():
    assert recognises(NAME.format("message"), b"")
    assert recognises(NAME.format("orderbook"), b"")
    assert not recognises("AAPL.csv", b"")


def test_a_book_after_every_message(written):
    found = written()
    (book,) = found["book"].combine_chunks().to_batches()
    assert ladder(book, "ask_price")[0, 0] == 585.34
    assert ladder(book, "ask_size")[:, 0].tolist() == [200, 193, 193, 193, 193, 193]
    assert ladder(book, "bid_size")[5, :2].tolist() == [18, 9]
    assert np.isnan(ladder(book, "bid_price")[0, 1:]).all()
    assert np.isnan(ladder(book, "ask_size")[0, 1:]).all()
    assert str(book["event_time"].to_numpy()[0]) == "2012-06-21T13:30:00.004241176"
    assert book["trusted"].to_pylist() == [True, True, True, False, True, True]
    assert QUARANTINE not in found


def test_executions_are_trades_of_the_other_side(written):
    trades = written()["trades"].to_pydict()
    assert trades["side"] == [1, -1, 0]
    assert trades["size"] == [7, 3, 100]
    assert trades["condition"] == ["", "hidden", "cross"]
    assert trades["price"] == [585.34, 585.335, 585.3]


def test_the_pair_may_be_cut_into_any_blocks(written, monkeypatch):
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 99, 300)
    messages = [f"{34200 + n / 7:.9f},1,{n},{size},5853300,1" for n, size in enumerate(sizes)]
    books = [f"5853400,7,5853300,{bid},5853500,1,5853200,2" for bid in sizes.cumsum()]
    whole = written(messages, books)["book"]
    found = ladder(whole.combine_chunks().to_batches()[0], "bid_size")[:, 0]
    assert found.tolist() == sizes.cumsum().tolist()
    monkeypatch.setattr(raw_stream.RawStream.line_blocks, "__defaults__", (700,))
    again = written(messages, books)["book"]
    assert again.drop_columns(SIDES).equals(whole.drop_columns(SIDES))
    for name in SIDES:
        parts = [ladder(table.combine_chunks().to_batches()[0], name) for table in (again, whole)]
        np.testing.assert_array_equal(*parts)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("34204.5,8,1,1,5853300,1", "type is none of 1 to 7"),
        ("34204.5,1,1,1,5853300,0", "direction is neither 1 nor -1"),
        ("34104.5,1,1,1,5853300,1", "clock goes back"),
        ("34204.5,1,1,1,5853300", "wrong number of fields"),
        ("x,1,1,1,5853300,1", "not a number: time"),
        ("34204.5,4,1,1,585330000,1", "price in another unit than those around it"),
        ("34204.5,4,1,0,5853300,1", "size not above zero"),
    ],
)
def test_what_cannot_be_right_is_held(written, bad, reason):
    held = written([*MESSAGES, bad, MESSAGES[-1]], [*BOOKS, BOOKS[-1], BOOKS[-1]])[QUARANTINE].to_pydict()
    assert (held["source_row"], held["reason"]) == ([7], [reason])


def test_a_message_without_its_book_is_held(written):
    held = written(MESSAGES, [*BOOKS[:3], "junk", *BOOKS[4:]])[QUARANTINE].to_pydict()
    assert (held["source_row"], held["reason"]) == ([4], ["no whole row of the orderbook file beside it"])


@pytest.mark.parametrize("block", [400, 1 << 20])
def test_a_blank_message_is_held_with_its_book(written, monkeypatch, block):
    monkeypatch.setattr(raw_stream.RawStream.line_blocks, "__defaults__", (block,))
    found = written([*MESSAGES[:2], "", *MESSAGES[3:]], BOOKS)
    held = found[QUARANTINE].to_pydict()
    assert (held["source_row"], held["reason"], held["text"]) == (
        [3],
        ["blank, but the orderbook file has this row"],
        [BOOKS[2]],
    )
    assert found["book"]["source_row"].to_pylist() == [1, 2, 4, 5, 6]
    junk = written([*MESSAGES[:2], "", *MESSAGES[3:]], [*BOOKS[:2], "junk", *BOOKS[3:]])
    assert junk[QUARANTINE]["text"].to_pylist() == ["junk"]
    for lines in ([*BOOKS[:2], "", *BOOKS[2:]], [*BOOKS[:2], " ", *BOOKS[2:]]):
        assert QUARANTINE not in written([*MESSAGES[:2], "", *MESSAGES[2:]], lines)


def test_what_is_missing_is_said_in_one_line(written, tmp_path, tables):
    for messages, books in ((MESSAGES[:4], BOOKS), (MESSAGES, BOOKS[:5]), ([*MESSAGES, "junk"], BOOKS)):
        fault = f"ends with line {len(books)}, but AAPL.* with line {len(messages)}, so it"
        with pytest.raises(DataError, match=fault):
            written(messages, books)
    with pytest.raises(DataError, match="is not LOBSTER's message file"):
        tables(tmp_path / NAME.format("orderbook"))
    (tmp_path / NAME.format("orderbook")).unlink()
    with pytest.raises(DataError, match="needs its orderbook file beside it"):
        tables(tmp_path / NAME.format("message"))
    for kind in ("message", "orderbook"):
        (tmp_path / f"A_{kind}_2.csv").write_text("\n".join(MESSAGES if kind == "message" else BOOKS) + "\n")
    with pytest.raises(DataError, match="set day in its terms"):
        tables(tmp_path / "A_message_2.csv")
    assert tables(tmp_path / "A_message_2.csv", day="2012-06-21")["book"].num_rows == 6


@pytest.mark.parametrize("block", [1 << 20, 700])
def test_a_lost_line_of_either_file_is_an_error_though_both_are_as_long(written, monkeypatch, block):
    rng = np.random.default_rng(2)
    size = {(side, level): 500 for side in (1, -1) for level in (0, 1)}
    messages, books = [], []
    for n in range(600):
        side, level = place = int(rng.choice([1, -1])), int(rng.integers(2))
        kind = 1 if size[place] < 300 else int(rng.integers(1, 6))
        change = int(rng.integers(1, 99))
        size[place] += change * {1: 1, 5: 0}.get(kind, -1)
        price = 5853350 - side * (50 + 100 * level)
        messages.append(f"{34200 + n / 7:.9f},{kind},{n},{change},{price},{side}")
        asked, bid = ([size[each, level] for level in (0, 1)] for each in (-1, 1))
        books.append(f"5853400,{asked[0]},5853300,{bid[0]},5853500,{asked[1]},5853200,{bid[1]}")
    monkeypatch.setattr(raw_stream.RawStream.line_blocks, "__defaults__", (block,))
    assert QUARANTINE not in written(messages, books)
    few = [*messages[:200], "junk", *messages[201:300], messages[301], messages[300], *messages[302:]]
    assert written(few, books)["book"].num_rows == 599
    lost = [each[:300] + each[301:] for each in (messages, books)]
    both = messages[:300] + messages[301:], books[:340] + books[341:]
    end = [each[:338] for each in (lost[0], books)]
    for left, right in ((lost[0], books[:-1]), (messages[:-1], lost[1]), both, end):
        with pytest.raises(DataError, match=r"by line 3\d\d most books of AAPL.*orderbook.* are not those"):
            written(left, right)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_pair_ends_in_one_error_or_keeps_every_message(tmp_path, tables, seed):
    dice = np.random.default_rng(seed)
    for kind, lines in (("message", MESSAGES), ("orderbook", BOOKS)):
        content = bytearray("".join(f"{line}\n" for line in lines * 2).encode())
        for _ in range(dice.integers(0, 4)):
            content[dice.integers(len(content))] = dice.integers(256)
        cut = dice.integers(9, len(content)) if dice.random() < 0.2 else len(content)
        (tmp_path / NAME.format(kind)).write_bytes(content[:cut])
    path = tmp_path / NAME.format("message")
    fault, found = "", {}
    try:
        found = tables(path)
    except DataError as error:
        fault = str(error)
    if fault:
        assert "AAPL" in fault
        assert "\n" not in fault
        return
    said = {row for table in found.values() for row in table["source_row"].to_pylist()}
    lines = path.read_bytes().split(b"\n")
    assert said == {n for n, each in enumerate(lines, 1) if each.decode("utf-8", "replace").strip()}
