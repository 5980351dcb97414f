"""The ccxt gateway against a venue on a local socket, under the path and the recovery of a live desk."""

import asyncio
import logging
import time

import pytest

from pipeline.domain.errors import GatewayError, SettingsError
from pipeline.domain.gateway_settings import CcxtSettings
from pipeline.domain.orders import Order, Standing
from pipeline.live.credentials import Credentials
from pipeline.live.gateways import by_ccxt
from pipeline.live.journal import Journal
from pipeline.live.order_path import OrderPath
from pipeline.live.recovery import recover
from pipeline.live.watch.adoption import adopt
from pipeline.risk.state import RiskState

pytest.importorskip("ccxt", exc_type=ImportError)
from pipeline.live.crypto import gateway
from pipeline.live.crypto.placed import client_id
from tests.live.crypto.spot_venue import KEY, SECRET, SpotVenue

pytestmark = pytest.mark.slow
PRIVATE = Credentials({"key": KEY, "secret": SECRET})
SETTINGS = {"venue": "binance", "symbol": "BTC/USDT", "poll_seconds": 0.05}


class Desk:
    """A path to a venue; `async with` recovers it, and leaves as a death would: nothing is said."""

    def __init__(self, folder, url, private=PRIVATE, **settings):
        self.settings, self.folder, self.url = CcxtSettings(**SETTINGS | settings), folder, url
        self.private = private

    async def __aenter__(self):
        self.opened = by_ccxt(self.settings, "BTC", self.private)(self.folder, lambda _: 0, tuple)
        self.gateway = self.opened.__enter__().gateway
        self.gateway._patience = 0.3
        self.gateway._venue.enableRateLimit = False  # the venue is our own: it need not be spared
        self.gateway._venue.urls["api"] = dict.fromkeys(self.gateway._venue.urls["api"], self.url)
        self.journal = Journal(self.folder / "journal", "desk", now=0)
        self.path = OrderPath(self.journal, self.gateway, time.time_ns)
        try:
            self.found = await recover(self.path, time.time_ns(), patience=(0.1, 0.2))
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_):
        await self.gateway.hang_up()
        self.opened.__exit__(None, None, None)
        self.journal.close()

    def order(self, order_id, units, limit=None):
        self.path.send(Order(order_id, "BTC", units, limit, time.time_ns()))

    async def until(self, done):
        for _ in range(500):
            if done(self):
                return
            await asyncio.sleep(0.01)
        raise AssertionError((self.path.account, self.gateway.broken))


def with_venue(test):
    async def run():
        venue = SpotVenue()
        async with venue.open() as url:
            await test(venue, url)

    asyncio.run(run())


def test_orders_are_filled_rest_are_cancelled_and_refused(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)

    async def test(venue, url):
        async with Desk(tmp_path, url) as desk:
            desk.order("a long name of a desk-1583420430000000000-0-x", 0.7 - 0.4)
            desk.order("b", -2.0, 101.25)
            desk.order("too much", 2000.0)
            desk.order("no step", 0.1234567)
            desk.order("no tick", 1.0, 100.123)
            account = desk.path.account
            await desk.until(lambda _: account.position("BTC") == 0.3 and list(account.working) == ["b"])
            assert account.cash == pytest.approx(-0.3 * 100.5 - 0.03)
            assert account.orders["too much"].standing is Standing.REJECTED
            texts = {each.order_id: each.text for each in desk.journal.reports()}
            assert "insufficient balance" in texts["too much"]
            assert "set hedge.lot" in texts["no step"]
            assert "venue's ticks" in texts["no tick"]
            venue.fill(venue.orders[2], 0.5, 101.25)
            await desk.until(lambda _: account.position("BTC") == pytest.approx(-0.2))
            desk.path.cancel("b")
            await desk.until(lambda _: not account.working)
            assert account.orders["b"].standing is Standing.CANCELLED
            assert len(venue.orders) == 2
            assert {each.simulated for each in desk.journal.reports() if each.filled} == {True}
            await desk.gateway.stop()
            with pytest.raises(GatewayError, match="left: nothing is sent"):
                desk.gateway.submit(Order("d", "BTC", 1.0, decided=1))
        kept = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
        for secret in (KEY, SECRET):
            assert secret.encode() not in kept
            assert secret not in caplog.text

    with_venue(test)


def test_an_order_whose_answer_is_lost_is_found_and_not_sent_again(tmp_path):
    async def test(venue, url):
        venue.fail = [("POST /order", "unanswered")]
        async with Desk(tmp_path, url) as desk:
            desk.order("a", 1.5)
            await desk.until(lambda _: not desk.path.account.working)
            assert (desk.path.account.position("BTC"), desk.gateway.broken) == (1.5, "")
            desk.order("b", 0.5)
            await desk.until(lambda _: not desk.path.account.working)
        assert len(venue.orders) == 2

    with_venue(test)


def test_an_order_that_is_lost_ends_the_line_and_a_restart_calls_it_never_arrived(tmp_path):
    async def test(venue, url):
        venue.fail = [("POST /order", "lost")]
        async with Desk(tmp_path, url) as desk:
            desk.order("a", 1.5)
            await desk.until(lambda _: desk.gateway.broken)
            assert "order a: " in desk.gateway.broken
            assert "the venue does not know it" in desk.gateway.broken
            with pytest.raises(GatewayError, match="does not know it: nothing is sent"):
                desk.order("b", 1.0)
        async with Desk(tmp_path, url) as desk:
            assert (desk.found.never_arrived, desk.found.differences) == (("a", "b"), ())
            desk.order("c", 1.0)
            await desk.until(lambda _: not desk.path.account.working)
        assert len(venue.orders) == 1

    with_venue(test)


def test_an_order_that_was_given_up_and_that_the_venue_takes_later_is_cancelled(tmp_path):
    async def test(venue, url):
        async with Desk(tmp_path, url) as desk:
            desk.gateway._venue.create_order = asyncio.Event().wait
            desk.order("a", 1.5, 90.0)
        async with Desk(tmp_path, url) as desk:
            assert desk.found.never_arrived == ("a",)
            told = {"side": "BUY", "type": "LIMIT", "quantity": "1.5", "price": "90"}
            venue.place({"newClientOrderId": client_id("a"), **told})
            await desk.until(lambda _: venue.orders[1]["status"] == "CANCELED")
            await desk.until(lambda _: not desk.path.account.working)
            assert desk.path.latch.state is RiskState.ACTIVE

    with_venue(test)


def test_what_happened_while_the_desk_was_dead_is_found_out(tmp_path):
    async def test(venue, url):
        venue.balance["BTC"] = 7.0
        async with Desk(tmp_path, url, baseline=7.0) as desk:
            desk.order("rests", 3.0, 99.0)
            desk.order("ends", 2.0, 98.0)
            await desk.until(lambda _: len(venue.orders) == 2)
        venue.fill(venue.orders[1], 1.0, 99.0)
        venue.fill(venue.orders[2], 0.25, 98.0)
        venue.orders[2]["status"] = "EXPIRED"
        async with Desk(tmp_path, url, baseline=7.0) as desk:
            assert (desk.found.differences, desk.found.never_arrived) == ((), ())
            account = desk.path.account
            assert (account.position("BTC"), list(account.working)) == (1.25, ["rests"])
            assert account.orders["ends"].standing is Standing.CANCELLED
            desk.path.turn(RiskState.HALTED, "ada", "fire drill")
            await desk.until(lambda _: not account.working)
        venue.balance["BTC"] += 5.0
        async with Desk(tmp_path, url, baseline=7.0) as desk:
            assert [str(each) for each in desk.found.differences] == [
                "position BTC: journal 1.25, gateway 6.25, +5"
            ]

    with_venue(test)


def test_trades_of_somebody_else_halt_and_those_before_the_desk_do_not(tmp_path):
    async def test(venue, url):
        other = {"newClientOrderId": "web_1", "side": "BUY", "type": "MARKET", "quantity": "1.0"}
        venue.place(other)
        venue.trades[0]["time"] -= 100_000
        async with Desk(tmp_path, url, baseline=1.0) as desk:
            assert desk.path.latch.state is RiskState.ACTIVE
            venue.place({**other, "newClientOrderId": "web_2"})
            await desk.until(lambda _: desk.path.latch.state is RiskState.HALTED)
            assert "no such order was sent" in desk.path.latch.why

    with_venue(test)


def test_fees_in_the_base_end_the_line_and_those_in_a_token_are_told(tmp_path):
    async def test(venue, url):
        async with Desk(tmp_path, url) as desk:
            venue.fee = "BNB"
            desk.order("a", 1.0)
            await desk.until(lambda _: not desk.path.account.working)
            assert desk.path.account.fees == 0.0
            assert "and a fee of 0.1 BNB" in {each.text for each in desk.journal.reports()}
            venue.fee = "BTC"
            desk.order("b", 1.0)
            await desk.until(lambda _: desk.gateway.broken)
            assert "takes its fees in BTC" in desk.gateway.broken
        venue.balance["BTC"] -= 0.1
        async with Desk(tmp_path, url) as desk:
            assert [str(each) for each in desk.found.differences] == [
                "position BTC: journal 2, gateway 1.9, -0.1"
            ]
        with Journal(tmp_path / "journal", "desk", now=0) as journal:
            adopt(journal, 100.0, "ada", "a fee in BTC", time.time_ns())
        async with Desk(tmp_path, url) as desk:
            assert desk.found.differences == ()
            desk.path.resume("ada", "fees are taken in BNB from now on")
            venue.fee = "BNB"
            desk.order("c", 1.0)
            await desk.until(lambda _: not desk.path.account.working)
            assert desk.gateway.broken == ""

    with_venue(test)


def test_orders_and_trades_are_listed_to_the_last_page(tmp_path):
    async def test(venue, url):
        venue.page = 3
        async with Desk(tmp_path, url) as desk:
            for number in range(8):
                desk.order(f"a{number}", 1.0)
                await desk.until(lambda _: not desk.path.account.working)
                await asyncio.sleep(0.002)
            venue.fail = [("POST /order", "unanswered")]
            desk.order("b", 1.0)
            await desk.until(lambda _: not desk.path.account.working)
            assert desk.gateway.broken == ""
            for number in range(8):
                desk.order(f"c{number}", 0.5)
            await desk.until(lambda _: len(venue.orders) == 17)
        async with Desk(tmp_path, url) as desk:
            assert desk.found.differences == ()
            assert desk.path.account.position("BTC") == 13.0

    with_venue(test)


def test_a_busy_venue_is_asked_again_and_one_that_stays_so_ends_the_line(tmp_path):
    async def test(venue, url):
        async with Desk(tmp_path, url) as desk:
            venue.fail = [("GET /myTrades", "busy")] * 3
            desk.order("a", 1.0)
            await desk.until(lambda _: not desk.path.account.working)
            venue.fail = [("GET /myTrades", "busy")] * 30
            await desk.until(lambda _: desk.gateway.broken)
            assert "RateLimitExceeded" in desk.gateway.broken or "DDoSProtection" in desk.gateway.broken

    with_venue(test)


def test_a_cancellation_is_asked_again_and_goes_before_what_waits(tmp_path):
    async def test(venue, url):
        async with Desk(tmp_path, url) as desk:
            desk.order("a", 1.0, 90.0)
            await desk.until(lambda _: venue.orders)
            venue.fail = [("DELETE /order", "busy"), ("DELETE /order", "unanswered")]
            desk.order("b", 1.0, 91.0)
            for each in ("b", "a"):
                desk.path.cancel(each)
            await desk.until(lambda _: not desk.path.account.working)
            assert desk.gateway.broken == ""
            assert len(venue.orders) == 1
            assert venue.asked.count("DELETE /order") == 3

    with_venue(test)


def test_an_order_that_waits_too_long_for_the_venue_is_not_sent(tmp_path, monkeypatch):
    monkeypatch.setattr(gateway, "LATE", 200_000_000)

    async def test(venue, url):
        async with Desk(tmp_path, url) as desk:
            venue.fail = [("POST /order", "slow")]
            desk.order("a", 1.0)
            desk.order("b", 2.0)
            await desk.until(lambda _: not desk.path.account.working)
            assert desk.path.account.position("BTC") == 1.0
            assert desk.path.account.orders["b"].standing is Standing.CANCELLED
        assert len(venue.orders) == 1

    with_venue(test)


def test_for_money_nothing_is_asked_for_which_a_key_that_trades_would_not_do(tmp_path):
    async def test(venue, url):
        async with Desk(tmp_path, url, live_money=True) as desk:
            desk.order("a", 1.0)
            await desk.until(lambda _: not desk.path.account.working)
            assert not any(each.simulated for each in desk.journal.reports())

    with_venue(test)


def test_wrong_keys_are_said_without_them(tmp_path):
    async def test(venue, url):
        wrong = Credentials({"key": "another-key", "secret": SECRET})
        with pytest.raises(GatewayError, match=r"binance BTC/USDT: AuthenticationError: .*\*\*\*"):
            async with Desk(tmp_path, url, private=wrong):
                pass

    with_venue(test)


def test_orders_go_to_the_test_net_unless_money_is_meant(tmp_path):
    async def urls(**settings):
        with by_ccxt(CcxtSettings(**SETTINGS | settings), "BTC", PRIVATE)(
            tmp_path, lambda _: 0, tuple
        ) as opened:
            found = opened.gateway._venue.urls["api"]["private"]
            await opened.gateway.hang_up()
            return found

    assert "testnet" in asyncio.run(urls())
    assert asyncio.run(urls(live_money=True)) == "https://api.binance.com/api/v3"
    with pytest.raises(SettingsError, match=r"gateway\.routed\.ccxt\.venue: .* did you mean binance"):
        by_ccxt(CcxtSettings(**SETTINGS | {"venue": "binanse"}), "BTC", PRIVATE, "gateway.routed.ccxt")
    with pytest.raises(SettingsError, match="kraken has no test net"):
        asyncio.run(urls(venue="kraken", symbol="BTC/USD"))
