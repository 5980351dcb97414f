"""The paper gateway's file is the venue: what it accepted and filled is there after a death, once."""

import asyncio
import os
from pathlib import Path

import pytest

from pipeline.domain.errors import GatewayError
from pipeline.domain.orders import Order, Standing
from pipeline.live.line_file import LineFile
from pipeline.live.paper import PaperGateway
from pipeline.live.venue import Book

BOOKS = [
    {"BTC": Book([99.0 - k % 2], [1.0], [101.0 + k % 2, 103.0], [0.3, 0.4 + k % 3 / 10])} for k in range(12)
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "venue"


def opened(place: Path, heard: list) -> PaperGateway:
    paper = PaperGateway(place, latency=lambda order: 15, fee=1e-3)
    asyncio.run(paper.start(heard.append))
    return paper


def known(paper: PaperGateway):
    async def ask():
        return await paper.positions(), await paper.open_orders(), await paper.fills(0)

    return asyncio.run(ask())


def stepped(paper: PaperGateway, k: int) -> None:
    """Orders with and without limits, and a cancellation; each is on its way over the next step."""
    paper.advance(10 * k, BOOKS[k - 1])
    paper.submit(
        Order(f"o{k}", "BTC", 0.5 if k % 3 else -0.7, limit=102.0 if k % 4 == 0 else None, decided=10 * k)
    )
    if k % 5 == 0:
        paper.cancel(Order(f"o{k - 1}", "BTC", 1.0), 10 * k)


def test_a_venue_that_is_closed_and_opened_at_every_step_is_the_one_that_was_not(place):
    whole, parts = [], []
    paper = opened(place, whole)
    for k in range(1, 12):
        stepped(paper, k)
    expected = known(paper)
    paper.close()
    for k in range(1, 12):
        again = opened(place.with_name("again"), parts)
        stepped(again, k)
        if k < 11:
            again.close()
    assert known(again) == expected
    assert parts == whole == expected[2]
    assert {report.standing for report in whole} >= {Standing.FILLED, Standing.CANCELLED, Standing.WORKING}
    again.close()


def test_an_id_is_one_order_though_it_is_sent_again_after_a_restart(place):
    heard = []
    for _ in range(3):
        paper = opened(place, heard)
        paper.submit(Order("a", "BTC", 0.2))
        paper.advance(100, BOOKS[0])
        paper.close()
    assert [report.filled for report in heard] == [0.2]


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_line_that_was_cut_short_never_happened(place, cut):
    paper = opened(place, [])
    paper.submit(Order("a", "BTC", 0.2))
    paper.submit(Order("b", "BTC", 0.2))
    paper.close()
    os.truncate(place, place.stat().st_size - cut)
    again = opened(place, [])
    assert [each.order_id for each in known(again)[1]] == ["a"]
    again.submit(Order("b", "BTC", 0.2))
    assert [each.order_id for each in known(again)[1]] == ["a", "b"]
    again.close()


@pytest.mark.parametrize("kept", range(0, 18, 3))
def test_a_file_that_was_hardly_begun_is_begun_again(place, kept):
    opened(place, []).close()
    os.truncate(place, min(kept, place.stat().st_size))
    paper = opened(place, [])
    assert known(paper) == ({}, [], [])
    paper.close()


def test_a_damaged_line_is_named(place):
    paper = opened(place, [])
    paper.submit(Order("a", "BTC", 0.2))
    paper.submit(Order("b", "BTC", 0.2))
    paper.close()
    lines = place.read_bytes().splitlines(keepends=True)
    place.write_bytes(lines[0] + lines[1].replace(b"0.2", b"0.0") + lines[2])
    with pytest.raises(GatewayError, match=r"line 2 is damaged .*a quantity of 0.0 is no order"):
        opened(place, [])
    place.write_bytes(b"fills, of somebody else\n")
    with pytest.raises(GatewayError, match="is not the file of a paper venue"):
        opened(place, [])


def test_one_process_has_a_venue(place):
    paper = opened(place, [])
    with pytest.raises(GatewayError, match="another process has it"):
        opened(place, [])
    paper.close()
    opened(place, []).close()


def test_a_full_disk_is_one_line():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    file = LineFile.__new__(LineFile)
    file.place, file._file = Path("/dev/full"), os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(GatewayError, match="/dev/full: No space left on device"):
        file.append("a")
    os.close(file._file)


def test_a_line_that_the_disk_took_in_part_is_taken_back(place, monkeypatch):
    file = LineFile(place, "numbers 1")
    write = os.write
    monkeypatch.setattr(os, "write", lambda into, content: write(into, content[:3]))
    with pytest.raises(GatewayError, match="written in part, the disk is full"):
        file.append("a line")
    monkeypatch.undo()
    file.append("the next")
    assert file.lines() == ["the next"]
    file.close()


def test_fills_are_told_from_a_time_on(place):
    paper = opened(place, [])
    for k in range(1, 12):
        stepped(paper, k)
    reports = known(paper)[2]
    since = reports[3].time
    assert asyncio.run(paper.fills(since)) == [report for report in reports if report.time >= since]
    paper.close()
