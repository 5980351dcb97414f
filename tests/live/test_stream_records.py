"""Records of a desk on a stream: files that grow or come, faults of them, and its own account."""

import asyncio
import logging
import pickle
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.alternative_settings import AlternativeData
from pipeline.domain.intraday_desk import MarketFiles
from pipeline.domain.orders import Order, Report, Standing
from pipeline.domain.own_settings import OwnData
from pipeline.features.alternative import alternative_beside, alternative_values
from pipeline.features.beside import Beside
from pipeline.features.decision_row import DecisionRow
from pipeline.features.event_feature import EventRows
from pipeline.features.event_stream import over
from pipeline.features.funding_level import FUNDING_LEVEL
from pipeline.features.grid_beside import settlements
from pipeline.features.own import OWN_NAMES, own_beside, own_values
from pipeline.features.running_beside import RunningBeside
from pipeline.ingest import record_files
from pipeline.ingest.record_files import load_records
from pipeline.live.carry import Carry
from pipeline.live.funding_watch import FundingFiles
from pipeline.live.journal import Journal
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.record_watch import RecordWatch, another_process
from pipeline.live.recovery import recover
from pipeline.live.stream_records import StreamRecords, watched
from tests import records

BEFORE = pd.Timestamp("2016-02-15", tz="UTC").value
TIMES = pd.date_range("2016-02-20 09:00", periods=40, freq="6h", tz="UTC").as_unit("ns").asi8
GRID = pd.DataFrame({"time": pd.to_datetime(TIMES[:10], utc=True), "mid": 20.0})
SECOND = 1_000_000_000
DAYS = pd.DataFrame({"table": ["funding"], "file": ["XY-USDT_binance_1_history.csv"]})
NOTHING = pd.DataFrame({"time": pd.to_datetime([], utc=True), "mid": np.empty(0)})


def inline():
    return ThreadPoolExecutor(1)


def desk_of(own=None, instrument="spot"):
    hedge = SimpleNamespace(instrument=instrument)
    return SimpleNamespace(data=SimpleNamespace(own=own or OwnData()), hedge=hedge)


def files_of(folder, given=None):
    alternative = AlternativeData(**(given or {}))
    return MarketFiles(instrument="XY", folder=str(folder), files=("*_history.csv",), alternative=alternative)


def looking(features, files, now):
    return RecordWatch(watched(features, files, DAYS), lambda: int(now), inline)


@pytest.fixture
def day_files(tmp_path):
    """Headlines and posts in a file for ten days each; return the files' lines by name and the settings."""
    lines = {}
    made = {
        "headlines": records.headlines_file(tmp_path / "whole.csv", "2016-01-01", 62).read_text(),
        "social": records.social_file(tmp_path / "whole.csv", "2016-02-16", 45).read_text(),
    }
    for kind, text in made.items():
        head, *rows = text.splitlines()
        for row in rows:
            lines.setdefault((kind, f"{kind}-{row[:9]}.csv"), [head]).append(row)
    (tmp_path / "whole.csv").unlink()
    given = AlternativeData(
        headlines={"file": f"{tmp_path}/headlines-*.csv", "stale_after_seconds": 30 * 3600},
        social={"file": f"{tmp_path}/social-*.csv"},
    ).given
    return SimpleNamespace(folder=tmp_path, lines=lines, given=given)


def write(files, until, half=False):
    """Write what had been told by an instant, each row at its own; `half` leaves the last line unfinished."""
    told = pd.Timestamp(until, tz="UTC").strftime("%Y-%m-%dT%H:%M:%S")
    for (_, name), (head, *rows) in files.lines.items():
        if there := [row for row in rows if row[:19] <= told]:
            text = "\n".join([head, *there]) + "\n"
            (files.folder / name).write_text(text[:-9] if half and there[-1] != rows[-1] else text)


def beside(files, **options):
    tables = load_records(files.given, {})
    return alternative_beside(tables, list(files.given), BEFORE, seed=1)


def test_files_that_grow_and_come_give_the_batch_to_the_last_bit(day_files):
    write(day_files, TIMES[9])
    features = beside(day_files)
    watch = looking(features, files_of(day_files.folder, day_files.given), TIMES[-1])
    running = RunningBeside(features, GRID)
    assert not list(watch.found())
    found = []
    for place in range(10, 40):
        if place % 3 == 1:
            write(day_files, TIMES[min(place + 2, 39)])
            watch.look()
            for table, events in watch.found():
                running.add(table, events)
        row = running.step(DecisionRow(int(TIMES[place]), "", np.array([1.5])), 20.0)
        found.append(row.numbers)
    found = np.array(found)
    whole = alternative_values(load_records(day_files.given, {}), list(day_files.given), TIMES, BEFORE, 1)
    np.testing.assert_array_equal(found[:, 0], 1.5)
    for place, name in enumerate(running.names, start=1):
        np.testing.assert_array_equal(found[:, place], whole[name][10:], err_msg=name)
    assert min(len(np.unique(whole[name][10:])) for name in ("headline_topic_0_6h", "social_volume_1d")) > 1
    assert not any(fault for _, _, fault in watch.facts())


def test_only_what_has_changed_is_read_again(day_files, monkeypatch):
    write(day_files, TIMES[39])
    watch = looking(beside(day_files), files_of(day_files.folder, day_files.given), TIMES[-1])
    watch.look()
    read, known = [], record_files._read
    monkeypatch.setattr(record_files, "_read", lambda kind, file: read.append(file.file) or known(kind, file))
    watch.look()
    assert read == []
    first, *_, last = sorted(day_files.folder.glob("headlines-*.csv"))
    last.write_text(
        last.read_text() + f"{pd.Timestamp(TIMES[39], tz='UTC'):%Y-%m-%dT%H:%M:%SZ},rates fed hike\n"
    )
    watch.look()
    assert read == [str(last)]
    ((table, events),) = watch.found()
    assert (table, len(events)) == ("headline_topics", 1)
    first.unlink()
    watch.look()
    assert read == [str(last)], "what is gone makes nothing else be read"
    assert "told no more" in str(watch.facts())


def test_a_row_that_comes_too_late_is_known_from_then_on(day_files):
    write(day_files, TIMES[9])
    running, missed = (RunningBeside(beside(day_files), GRID) for _ in range(2))
    watch = looking(beside(day_files), files_of(day_files.folder, day_files.given), TIMES[-1])
    place = running.names.index("social_volume_1d")
    write(day_files, TIMES[20])
    watch.look()
    new = dict(watch.found())
    values = []
    for at in TIMES[10:22]:
        if at == TIMES[20]:
            running.add("social", new["social"])
        values.append(
            [
                each.step(DecisionRow(int(at), "", np.empty(0)), 20.0).numbers[place]
                for each in (running, missed)
            ]
        )
    values = np.array(values)
    np.testing.assert_array_equal(values[:10, 0], values[:10, 1])
    assert values[-1, 0] == len(new["social"]) > values[-1, 1]


def test_a_bad_row_a_half_line_and_a_file_that_says_otherwise_are_one_line_each(day_files, caplog):
    write(day_files, TIMES[9])
    watch = looking(beside(day_files), files_of(day_files.folder, day_files.given), TIMES[10])
    watch.look()
    path = day_files.folder / "headlines-2016-02-3.csv"
    more = [
        "yesterday,no such time",
        "tomorrow,neither",
        "2016-02-23T01:00:00Z,rates fed hike 1",
        "2016-02-23T02:00:0",
    ]
    path.write_text("\n".join(["published,headline", *more]))
    with caplog.at_level(logging.WARNING):
        watch.look()
        watch.look()
    [said] = caplog.messages
    assert said.startswith("headlines: 2 rows in quarantine, row ")
    assert len(dict(watch.found())["headline_topics"]) == 1
    assert "2 in quarantine" in watch.facts()[0][1]
    caplog.clear()
    path.write_text("published,headline\n2016-02-23T01:00:00Z,oil output cut 2\n")
    with caplog.at_level(logging.WARNING):
        watch.look()
    [said] = caplog.messages
    assert said == "headlines: 1 rows that were read are told no more: they count until the next start"
    assert watch.facts()[0][2]


def test_what_cannot_be_read_is_said_once_and_ends_nothing(day_files, caplog):
    write(day_files, TIMES[9])
    watch = looking(beside(day_files), files_of(day_files.folder, day_files.given), TIMES[-1])
    watch.look()
    bad = day_files.folder / "social-2016-02-29.csv"
    bad.write_text("no,such,columns\n1,2,3\n")
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            watch.look()
    [said] = caplog.messages
    assert said.startswith("social: social-2016-02-29.csv: ")
    told = {name: (value, fault) for name, value, fault in watch.facts()}
    assert told["social"][1]
    assert told["headlines"][0].startswith("the newest of ")
    bad.unlink()
    watch.look()
    assert not {name: fault for name, _, fault in watch.facts()}["social"]


def test_what_another_process_is_handed_can_be(day_files):
    write(day_files, TIMES[9])
    for source in watched(beside(day_files), files_of(day_files.folder, day_files.given), DAYS):
        asked = pickle.loads(pickle.dumps((source.files, source.reader, source.known)))
        assert len(asked[1](asked[0].load()[0])) == len(source.known)
    another_process().shutdown()


def test_a_stale_source_counts_with_its_age_where_the_desk_says_from_when(day_files):
    from dataclasses import replace

    write(day_files, TIMES[9])
    headlines, social = beside(day_files)
    running = RunningBeside([replace(headlines, stale_after=30 * 3600.0), social], GRID)
    at = int(headlines.events["headline_topics"].known_time[-1])
    assert running.age(at + 29 * 3600 * SECOND) == 0.0
    assert running.age(at + 31 * 3600 * SECOND) == 31 * 3600.0


OWN = OwnData(instrument="ES", multiplier=50.0, fills={"file": "fills.csv"}, positions={"file": "held.csv"})
FILLS = [
    ("a", 100.0, 20.0, 0.5, 12),
    ("a", 50.0, 20.1, 0.25, 13),
    ("b", -400.0, 20.3, 1.0, 24),
    ("c", 150.0, 20.2, 0.0, 35),
]


def orders():
    sizes = {"a": 150.0, "b": -400.0, "c": 150.0}
    decided = {"a": 11, "b": 23, "c": 34}
    return [
        Order(name, "XY", size, decided=int(TIMES[0]) + decided[name] * SECOND)
        for name, size in sizes.items()
    ]


def reports():
    return [
        Report(f"m{k}", order, Standing.WORKING, filled, price, fee, time=int(TIMES[0]) + at * SECOND)
        for k, (order, filled, price, fee, at) in enumerate(FILLS)
    ]


def when(told):
    return told.decided if isinstance(told, Order) else told.time


def hear(path, told, until):
    """Let a path send and hear what there is until a time; the gateway itself fills nothing."""
    path.gateway.submit = lambda order: None
    while told and when(told[0]) <= until:
        each = told.popleft()
        path.send(each) if isinstance(each, Order) else path.hear(each)


def files_of_account():
    """Return the desk's records as a broker would have written them, an earlier position among them."""

    def stamped(seconds):
        times = pd.to_datetime([int(TIMES[0]) + round(s * SECOND) for s in seconds], utc=True)
        return {"event_time": times, "known_time": times, "instrument": "ES"}

    fills = pd.DataFrame(FILLS, columns=["order_id", "filled", "price", "fee", "at"])
    fills = fills.assign(side=np.sign(fills["filled"]), size=fills["filled"].abs() / 50.0, mid=np.nan)
    fills = fills.assign(source_row=range(4), **stamped(fills["at"]))
    held = pd.DataFrame({"quantity": [7.0, 0.0], "price": [19.5, np.nan], **stamped([-50.0, 11.0 - 1e-9])})
    return {"fills": fills, "positions": held}


@pytest.mark.parametrize("restarted", [False, True])
def test_its_own_account_is_that_of_the_same_fills_in_files(restarted, tmp_path):
    whole, times = files_of_account(), int(TIMES[0]) + np.arange(0, 50, 5) * SECOND
    mid = 20.0 + 0.01 * np.arange(10)
    expected = own_values(whole, OWN, times, mid)
    early = {
        "positions": whole["positions"].iloc[:1],
        "fills": whole["fills"].iloc[:0].assign(instrument="ES"),
    }
    feature = own_beside({"positions": early["positions"]}, OWN)
    begun = int(TIMES[0]) + 11 * SECOND
    watch = looking([feature], files_of("."), begun)
    with (
        Journal(tmp_path / "journal.db", "desk", now=begun) as journal,
        closing(PaperGateway(tmp_path / "venue", latency=lambda _: 1)) as gateway,
    ):
        path = OrderPath(journal, gateway, now=lambda: 0)
        asyncio.run(recover(path, now=0))
        told = deque(sorted([*orders(), *reports()], key=when))
        stream, found = StreamRecords([feature], desk_of(OWN), watch, NOTHING), []
        if restarted:
            hear(path, told, int(times[-1]))
        with stream.beside(path):
            for at, price in zip(times, mid, strict=True):
                hear(path, told, int(at))
                found.append(stream.step(DecisionRow(int(at), "", np.empty(0)), price).numbers)
    assert not path.listeners
    for place, name in enumerate(OWN_NAMES):
        np.testing.assert_array_equal(np.array(found)[:, place], expected[name], err_msg=name)
    assert expected["own_inventory"].tolist() == [7.0, 7.0, 7.0, 3.0, 3.0, -5.0, -5.0, -2.0, -2.0, -2.0]


def test_what_was_settled_before_the_start_is_told_once_the_journal_had_begun():
    """It is in no number of a row, which are the batch's, but is there to be booked."""
    names = tuple(each.name for each in FUNDING_LEVEL.outputs)
    told = np.array([[1e-4, 8.0, 2.0], [3e-4, 8.0, 4.0], [2e-4, 8.0, 11.0]])
    events = {"funding": EventRows(np.array([3, 5, 12]) * SECOND, told)}
    path = SimpleNamespace(
        journal=SimpleNamespace(orders=list, reports=list, turns=lambda: [SimpleNamespace(at=3 * SECOND)]),
        listeners=[],
    )
    watch = RecordWatch([], lambda: 10 * SECOND, inline)
    stream = StreamRecords(
        [Beside(FUNDING_LEVEL, names, events, {})],
        desk_of(instrument="perpetual"),
        watch,
        NOTHING,
        10 * SECOND,
    )
    with stream.beside(path):
        row = stream.step(DecisionRow(20 * SECOND, "", np.empty(0)), 20.0)
    assert row.funding == ((4 * SECOND, 3e-4), (11 * SECOND, 2e-4))
    assert row.numbers[0] == 2e-4


def test_funding_that_is_told_late_is_paid_by_who_held_then(tmp_path):
    """Two files of a venue's history, one of them late; what was settled before the open is not paid."""
    hours = pd.date_range("2016-02-19", periods=9, freq="8h")
    lines = [f"XY-USDT,{time},{(place - 4) / 1e4}" for place, time in enumerate(hours)]

    def write(name, rows):
        text = "\n".join(["Symbol,Date,Funding Rate", *rows]) + "\n"
        (tmp_path / f"XY-USDT_binance_{name}_history.csv").write_text(text)

    write("1", lines[:5])
    files = files_of(tmp_path)
    rows = FundingFiles(str(tmp_path), files.files, files.terms).load()[0]
    reader = partial(settlements, int(rows["known_time"].min().value))
    names = tuple(each.name for each in FUNDING_LEVEL.outputs)
    feature = Beside(FUNDING_LEVEL, names, {"funding": reader(rows)}, {"funding": ("funding", reader)})
    opened = pd.Timestamp("2016-02-20", tz="UTC").value
    watch = looking([feature], files, opened)
    path = SimpleNamespace(
        journal=SimpleNamespace(orders=list, reports=list, turns=lambda: [SimpleNamespace(at=opened)]),
        listeners=[],
    )
    desk, carry, found = desk_of(instrument="perpetual"), Carry(), []
    stream = StreamRecords([feature], desk, watch, NOTHING, opened)
    times = opened + np.arange(1, 49) * 3600 * SECOND
    held, mid = np.arange(48) % 7 - 2.0, 20.0 + 0.1 * np.arange(48)
    watch.going = nullcontext
    with stream.beside(path):
        for at, holds, price in zip(times, held, mid, strict=True):
            if at == times[30]:
                write("2", lines[3:])
                watch.look()
            row = stream.step(DecisionRow(int(at), "", np.empty(0)), price)
            found.append(row.numbers)
            carry.settle(row.at, holds, price, row.funding)
    due = np.searchsorted(times, hours.tz_localize("UTC").as_unit("ns").asi8)
    paid = [(place - 4) / 1e4 * held[k] * mid[k] for place, k in enumerate(due) if place > 3]
    np.testing.assert_allclose(carry.money, -sum(paid), rtol=1e-12)
    assert stream.names == ("funding", *names)
    rows = FundingFiles(str(tmp_path), files.files, files.terms).load()[0]
    level = over(FUNDING_LEVEL, {"funding": reader(rows)}, times)
    np.testing.assert_array_equal(np.array(found)[30:, 1], level[30:, 0])
