"""`hedge live --gateway fix` and `ccxt`, whole: at QuickFIX, at a broker with faults, and at a spot venue."""

import asyncio
import bisect
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typer

from flows.hedge_pipeline import hedge_pipeline
from pipeline.cli.attend import resume
from pipeline.cli.gateway import Way
from pipeline.cli.live import live
from pipeline.domain.errors import DataError, GatewayError, SettingsError
from pipeline.domain.orders import Standing
from pipeline.live import gateways
from pipeline.live.account import replayed
from pipeline.live.fix.wire import nanoseconds
from pipeline.live.journal import Journal
from tests.live.fix.broker import Broker
from tests.market_ticks import DESK, write_market
from tests.processes import MAIN, clean_environment

pytestmark = pytest.mark.slow
DAY = "2020-03-05"
ACCOUNT, USER, PASSWORD = "account-nobody-sees", "user-nobody-sees", "password-nobody-sees"
WORKED = '\n[orders]\nplacement = "limit"\nslices = 2\n'


@pytest.fixture(scope="module")
def place(prefect, tmp_path_factory):
    """Return a folder with ticks, and a home with the champions of a desk on them."""
    found = tmp_path_factory.mktemp("desk")
    (found / "ticks").mkdir()
    write_market(found / "ticks")
    hedge_pipeline(desk_in(found), str(found / "home"))
    return found


def desk_in(place, further=""):
    path = place / "desk.toml"
    path.write_text(DESK.replace("[data]", f'[data]\nfolder = "{place / "ticks"}"') + further)
    return str(path)


class Live:
    """A desk whose orders go elsewhere; its journal is new."""

    def __init__(self, place, capsys, way, further):
        self.place, self.capsys, self.home, self.resumed = place, capsys, place / "home", False
        self.desk, self.way, self.name = desk_in(place, further), way, f"replay-{DAY}-{way}"
        self.folder = self.home / "data" / "live" / "small-intraday" / self.name
        shutil.rmtree(self.folder, ignore_errors=True)

    def day(self):
        """Live the day, or what is left of it; return what the command says."""
        self.capsys.readouterr()
        code = 0
        try:
            live(self.desk, feed=f"replay:{DAY}", gateway=self.way, home=self.home, as_json=True)
        except typer.Exit as ended:
            code = ended.exit_code
        told = json.loads(self.capsys.readouterr().out)
        assert code == (0 if told["state"] == "active" else 5)
        return told

    def resume(self):
        resume("small-intraday", reason="looked", journal=self.name, home=self.home)
        self.resumed = True

    @property
    def account(self):
        with Journal(self.folder / "journal.db", "small-intraday", now=0, writing=False) as journal:
            return replayed(journal.orders(), journal.reports())

    @property
    def reports(self):
        with Journal(self.folder / "journal.db", "small-intraday", now=0, writing=False) as journal:
            return journal.reports()

    @property
    def why(self):
        with Journal(self.folder / "journal.db", "small-intraday", now=0, writing=False) as journal:
            return journal.latch().why


def private(folder, name="credentials", **told):
    """Return the path of a credentials file."""
    path = folder / f"{name}.toml"
    path.touch(0o600)
    path.write_text("\n".join(f'{name} = "{value}"' for name, value in told.items()))
    return str(path)


@pytest.fixture
def begun(place, capsys, monkeypatch, tmp_path):
    told = private(tmp_path, account=ACCOUNT, username=USER, password=PASSWORD)
    monkeypatch.setenv("HEDGE_FIX_FILE", told)
    ends = 'host = "127.0.0.1"\nsender = "US"\ntarget = "THEM"\nheartbeat_seconds = 5\nsymbol = "XYZ.N"\n'
    table = f"\n[gateway.fix]\n{ends}rehearsal = true\nport = "
    return lambda port, further="": Live(place, capsys, Way.FIX, f"{table}{port}\n{further}")


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Quotes:
    """The day's best bid and offer, read from the vendor's file itself."""

    def __init__(self, ticks):
        with zipfile.ZipFile(ticks / f"{DAY.replace('-', '')}_quote.zip") as archive:
            rows = archive.read(archive.namelist()[0]).decode().splitlines()
        self.times, self.prices = ([], []), ([], [])
        for at, bid, _, ask, *_ in (map(int, row.split(",")[:5]) for row in rows):
            side = 0 if bid else 1
            self.times[side].append(at)
            self.prices[side].append((bid or ask) / 10_000)

    def best(self, sells, at):
        """Return the price that an order meets at a time, ns."""
        local = datetime.fromtimestamp(at / 1e9, UTC).astimezone(ZoneInfo("America/New_York"))
        ms = ((local.hour * 60 + local.minute) * 60 + local.second) * 1000 + local.microsecond // 1000
        side = 0 if sells else 1
        return self.prices[side][bisect.bisect_right(self.times[side], ms) - 1]


def test_a_day_at_an_independent_engine_ends_with_the_positions_of_both(place, begun, port, tmp_path):
    engine = pytest.importorskip("tests.live.fix.exchange")
    quotes = Quotes(place / "ticks")

    class AtTheBook(engine.Exchange):
        def price(self, order):
            return quotes.best(order.getField(54) != "1", nanoseconds(order.getField(60)))

    desk = begun(port)
    with engine.serving(AtTheBook(), tmp_path, port) as exchange:
        told = desk.day()
        again = desk.day()
    account = desk.account
    assert told["orders_sent"] == told["orders"] == told["orders_filled"] == len(exchange.orders) > 20
    assert (told["state"], exchange.refused, exchange.symbols) == ("active", [], {"XYZ.N"})
    assert account.position("XYZ") == told["position"] == pytest.approx(exchange.held)
    assert account.cash == pytest.approx(exchange.cash, rel=1e-9)
    assert again == {**told, "orders_sent": 0}
    assert all(each.simulated for each in desk.reports if each.filled)
    assert exchange.logons == {(USER, PASSWORD)}
    assert exchange.accounts == {ACCOUNT}
    kept = [each.read_bytes() for each in desk.home.rglob("*") if each.is_file()]
    for secret in (ACCOUNT, USER, PASSWORD):
        assert not any(secret.encode() in each for each in kept)


class Faulty(Broker):
    """Does something else with its n-th order."""

    def __init__(self, at=10, fault=lambda broker, order: None):
        super().__init__()
        self.at, self.fault, self.taken = at, fault, []

    def answer(self, message):
        if message[35] == "D":
            self.taken.append(message[11])
            if len(self.taken) == self.at:
                self.fault(self, message)
                return
        super().answer(message)

    def fill(self, order, deaf=False):
        """Fill an order; `deaf` loses the report on the way."""
        before = len(self.waiting)
        super().answer(order)
        if deaf:
            del self.waiting[before:]


@contextlib.contextmanager
def at_work(broker):
    """Serve in a thread of its own; yield the port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def done(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(20.0)

    try:
        yield done(broker.serve())
    finally:
        done(broker.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def ends_well(desk, broker):
    """Live the rest of the day; the books of both sides are the same, and no order came twice."""
    told, account = desk.day(), desk.account
    assert (told["state"], told["state_why"]) == ("active", "looked" if desk.resumed else "a new journal")
    assert account.position("XYZ") == pytest.approx(broker.held)
    assert max(Counter(broker.taken).values()) == 1
    assert not account.unexplained
    assert len(broker.taken) > broker.at
    return told


def logs_out(broker, order):
    broker.fill(order, deaf=True)
    broker.say("5", (58, f"the day of {ACCOUNT} is over"))


def hangs_up(broker, order):
    broker.fill(order, deaf=True)
    broker.newest.close()


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (logs_out, r"they logged out: the day of \*\*\* is over"),
        (hangs_up, r"the other side closed the line|the line broke"),
    ],
)
def test_a_line_that_ends_in_the_middle_of_an_order_halts_and_is_recovered_from(begun, fault, why):
    with at_work(broker := Faulty(fault=fault)) as port:
        desk = begun(port)
        with pytest.raises(GatewayError) as failed:
            desk.day()
        assert re.search(why, str(failed.value))
        assert re.search(why, desk.why)
        desk.resume()
        ends_well(desk, broker)


def test_a_restart_stays_halted_and_knows_what_was_filled_meanwhile(begun):
    with at_work(broker := Faulty(fault=hangs_up)) as port:
        desk = begun(port)
        with pytest.raises(GatewayError):
            desk.day()
        before, sent = desk.account.position("XYZ"), len(broker.taken)
        told = desk.day()
        assert (told["state"], told["orders_sent"], len(broker.taken)) == ("halted", 0, sent)
        assert told["position"] == pytest.approx(broker.held)
        assert told["position"] != pytest.approx(before)


def test_a_report_of_an_order_that_nobody_sent_halts(begun):
    def stranger(broker, order):
        broker.fill(order)
        broker.fill({**order, 11: "stranger", 38: "700"})

    with at_work(broker := Faulty(fault=stranger)) as port:
        desk = begun(port)
        told = desk.day()
        assert (told["state"], told["state_who"]) == ("halted", "account")
        assert "stranger" in told["state_why"]
        assert abs(broker.held - told["position"]) == pytest.approx(700.0)

        desk.resume()
        again = desk.day()
        assert (again["state"], again["state_who"]) == ("halted", "recovery")
        assert "position XYZ" in again["state_why"]


def test_a_fill_that_comes_after_the_cancellation_counts(begun):
    class Late(Faulty):
        def answer(self, message):
            rested = message.get(41) in self.orders
            super().answer(message)
            if message[35] == "F" and rested:
                order = self.placed[message[41]]
                self.held += 100.0 if order[54] == "1" else -100.0
                self.late += 1
                self.executed("F", "4", order, (32, "100"), (31, "100.5"))
            elif message[35] == "D":
                self.placed[message[11]] = message

    broker = Late(at=0)
    broker.placed, broker.late = {}, 0
    with at_work(broker) as port:
        desk = begun(port, WORKED)
        ends_well(desk, broker)
    filled = [each.standing for each in desk.account.orders.values() if each.filled]
    assert len(filled) == broker.late > 5
    assert Standing.CANCELLED in filled


def test_kill_9_in_the_middle_of_an_order_doubles_nothing_and_loses_nothing(begun, prefect):
    def kills(broker, order):
        broker.fill(order)
        os.kill(child.pid, signal.SIGKILL)

    with at_work(broker := Faulty(fault=kills)) as port:
        desk = begun(port)
        options = ["--feed", f"replay:{DAY}", "--gateway", "fix", "--home", str(desk.home)]
        child = subprocess.Popen(
            [sys.executable, "-c", MAIN, "live", desk.desk, *options],
            env={**clean_environment(), "PREFECT_API_URL": prefect},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert child.wait(120.0) == -signal.SIGKILL
        assert len(broker.taken) >= broker.at  # what is sent before the signal arrives, too
        ends_well(desk, broker)


def test_what_would_send_a_broker_orders_of_another_day_is_refused(place, begun, port):
    desk = begun(port)
    path = Path(desk.desk)
    path.write_text(path.read_text().replace("rehearsal = true\n", ""))
    with pytest.raises(SettingsError, match=r"rehearsal = true"):
        desk.day()
    with pytest.raises(SettingsError, match=r"no \[gateway.fix\]"):
        live(desk_in(place), feed=f"replay:{DAY}", gateway=Way.FIX, home=desk.home)
    with pytest.raises(SettingsError, match="does not forget"):
        live(desk.desk, feed=f"replay:{DAY}", gateway=Way.FIX, home=desk.home, anew=True)


def test_a_broker_that_is_not_there_is_one_line_and_no_halt(begun, port):
    desk = begun(port)
    with pytest.raises(GatewayError, match="cannot connect"):
        desk.day()
    assert desk.why == "a new journal"


def test_a_day_at_a_spot_venue_ends_with_the_positions_of_both(place, capsys, monkeypatch, tmp_path):
    spot = pytest.importorskip("tests.live.crypto.spot_venue")
    monkeypatch.setenv("HEDGE_CCXT_FILE", private(tmp_path, key=spot.KEY, secret=spot.SECRET))
    venue = spot.SpotVenue()
    venue.most, venue.balance["BTC"] = 1e9, 5000.0
    with at_work(venue) as url:

        def to_it(ccxt_venue, table):
            assert table == "gateway.ccxt"
            ccxt_venue.urls["api"] = dict.fromkeys(ccxt_venue.urls["api"], url)

        monkeypatch.setattr(gateways, "_on_test_net", to_it)
        table = 'venue = "binance"\nsymbol = "BTC/USDT"\ninstrument = "XYZ"\n'
        table += "baseline = 5000.0\npoll_seconds = 0.1\n"
        desk = Live(place, capsys, Way.CCXT, f"\n[gateway.ccxt]\n{table}")
        desk.day()
        told = desk.day()
    assert (told["state"], told["state_why"]) == ("active", "a new journal")
    assert told["position"] == pytest.approx(venue.balance["BTC"] - 5000.0)
    assert len(venue.sent()) == len(set(venue.sent())) == told["orders_filled"] > 5
    kept = [each.read_bytes() for each in desk.home.rglob("*") if each.is_file()]
    for secret in (spot.KEY, spot.SECRET):
        assert not any(secret.encode() in each for each in kept)


def second_venue(place, symbol):
    """Write what another venue quotes on the day: half a cent better on either side, half of the time."""
    quotes = Quotes(place / "ticks")
    rows = ["exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"]
    opens = int(datetime.fromisoformat(f"{DAY}T15:00").replace(tzinfo=UTC).timestamp())
    for at in range(opens, opens + 7200, 10):
        bid, ask = (quotes.best(sells, at * 10**9) for sells in (True, False))
        better = 0.005 if at // 600 % 2 else -0.05
        rows.append(f"there,{symbol},{at}000000,{at}000000,5000,{ask - better},{bid + better},5000")
    (place / "ticks" / "there_quotes.csv").write_text("\n".join(rows) + "\n")


def routed_desk(place, capsys, further):
    """Return a desk with the files of a second venue."""
    desk = Live(place, capsys, Way.ROUTED, further)
    path = Path(desk.desk)
    path.write_text(path.read_text().replace("[data]", '[data]\nother_files = ["there_*.csv"]'))
    return desk


def test_a_day_is_routed_between_two_venues_of_one_instrument(place, capsys):
    desk = routed_desk(place, capsys, "\n[gateway.routed]\nfee_bps = 0.1\n")
    second_venue(place, "ABC")
    with pytest.raises(DataError, match=r"there_quotes\.csv: is of ABC, but the desk hedges XYZ"):
        desk.day()
    second_venue(place, "xyz")
    told = desk.day()
    assert (told["state"], told["state_why"]) == ("active", "a new journal")
    fills = Counter(each.report_id.partition("@")[2] for each in desk.reports if each.filled)
    assert fills["own"] > 3
    assert fills["other"] > 3
    assert told["orders_filled"] > 5
    again = desk.day()
    assert (again["orders_sent"], again["position"]) == (0, told["position"])


def test_a_day_at_two_independent_engines_ends_with_the_positions_of_each(
    place, capsys, monkeypatch, tmp_path, port
):
    engine = pytest.importorskip("tests.live.fix.exchange")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        ports = port, free.getsockname()[1]
    tables = '\n[gateway.routed]\nown = "fix"\nother = "fix"\n'
    names = "THEM", "THERE"
    for table, each, name in zip(("gateway.fix", "gateway.routed.fix"), ports, names, strict=True):
        tables += f'[{table}]\nhost = "127.0.0.1"\nport = {each}\nsender = "US"\ntarget = "{name}"\n'
        tables += "rehearsal = true\nheartbeat_seconds = 5\n"
    told = private(tmp_path, "own", account=ACCOUNT, username=USER, password=PASSWORD)
    monkeypatch.setenv("HEDGE_FIX_FILE", told)
    told = private(tmp_path, "other", account="other-account", username="ada", password="other-password")
    monkeypatch.setenv("HEDGE_ROUTED_FIX_FILE", told)
    desk = routed_desk(place, capsys, tables)
    second_venue(place, "XYZ")
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        folder.mkdir()
    with contextlib.ExitStack() as serving:
        engines = [
            serving.enter_context(engine.serving(engine.Exchange(), folder, each, name))
            for folder, each, name in zip(folders, ports, names, strict=True)
        ]
        told, again = desk.day(), desk.day()
        held = [each.held for each in engines]
    filled = dict.fromkeys(("own", "other"), 0.0)
    for report in desk.reports:
        filled[report.venue or "own"] += report.filled
    assert (told["state"], told["state_why"]) == ("active", "a new journal")
    assert [filled["own"], filled["other"]] == pytest.approx(held)
    assert told["position"] == pytest.approx(sum(held))
    assert again == {**told, "orders_sent": 0}
    assert all(len(each.orders) == len(set(each.orders)) > 3 and each.refused == [] for each in engines)
    assert [each.accounts for each in engines] == [{ACCOUNT}, {"other-account"}]
    assert engines[1].logons == {("ada", "other-password")}
    kept = [each.read_bytes() for each in desk.home.rglob("*") if each.is_file()]
    for secret in (ACCOUNT, PASSWORD, "other-account", "other-password"):
        assert not any(secret.encode() in each for each in kept)
