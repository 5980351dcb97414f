"""The router with accounts that cannot go short: what is sold is there, and what is bought can be paid."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from pipeline.domain.gateway_settings import CcxtSettings, FixSettings, RoutedSettings
from pipeline.domain.orders import Standing
from pipeline.live.credentials import Credentials
from pipeline.live.gateways import by_ccxt, by_fix
from tests.live.test_routed_accounts import Account, Desk

pytest.importorskip("ccxt", exc_type=ImportError)
from tests.live.crypto.spot_venue import KEY, SECRET, SpotVenue

pytestmark = pytest.mark.slow
MARKET = {"venue": "binance", "symbol": "BTC/USDT", "instrument": "XY", "poll_seconds": 0.05}


class AtVenues(Desk):
    """A desk whose venues of ccxt are on this machine."""

    def __init__(self, folder, ways, urls, second):
        super().__init__(folder, ways, second)
        self.urls = urls

    def opened(self):
        for venue, url in zip(super().opened()._venues.values(), self.urls, strict=True):
            if url:
                venue._venue.urls["api"] = dict.fromkeys(venue._venue.urls["api"], url)
                venue._venue.enableRateLimit, venue._patience = False, 0.5
        self.router._lot = 0.25
        return self.router


def by_venue(baseline=0.0):
    private = Credentials({"key": KEY, "secret": SECRET})
    return by_ccxt(CcxtSettings(**MARKET, baseline=baseline), "XY", private)


def with_two(test):
    async def run():
        async with AsyncExitStack() as serving:
            venues = SpotVenue(), SpotVenue()
            urls = [await serving.enter_async_context(each.open()) for each in venues]
            await test(*venues, urls)

    asyncio.run(run())


def test_two_spot_venues_sell_what_each_holds_and_buy_what_each_can_pay(tmp_path):
    async def test(own, other, urls):
        own.balance, other.balance = {"BTC": 0.5, "USDT": 200.0}, {"BTC": 0.0, "USDT": 1e6}
        ways = [by_venue(baseline=0.5), by_venue()]
        second = RoutedSettings(own="ccxt", other="ccxt")
        async with AtVenues(tmp_path, ways, urls, second) as desk:
            account = desk.path.account
            desk.send("sold", -0.75)
            await desk.until(lambda account: not account.working)
            assert (account.orders["sold"].standing, account.position("XY")) == (Standing.CANCELLED, -0.5)
            assert (own.balance["BTC"], other.orders) == (0.0, {})
            desk.send("nothing", -1.0)
            desk.router.advance(0, {})
            assert account.orders["nothing"].standing is Standing.CANCELLED
            desk.send("bought", 4.0)
            await desk.until(lambda account: not account.working)
            assert account.orders["bought"].standing is Standing.FILLED
            assert (own.balance["BTC"], other.balance["BTC"]) == (2.25, 1.75)
            assert own.balance["BTC"] * 102.0 < 200.0 + 0.5 * 100.5
            desk.send("back", -3.5)
            await desk.until(lambda account: not account.working)
            assert account.orders["back"].standing is Standing.FILLED
            assert not any("insufficient" in each.text for each in desk.journal.reports())
        async with AtVenues(tmp_path, ways, urls, second) as desk:
            assert (desk.found.differences, desk.path.account.position("XY")) == ((), 0.0)
        other.balance["BTC"] += 0.25
        async with AtVenues(tmp_path, ways, urls, second) as desk:
            [found] = desk.found.differences
            assert (found.venue, found.gateway - found.journal) == ("other", 0.25)

    with_two(test)


def test_a_broker_and_a_spot_venue_hedge_one_desk(tmp_path):
    async def test(_, other, urls):
        broker = Account()
        settings = FixSettings(host="127.0.0.1", port=await broker.serve(), sender="US", target="THEM")
        ways = [by_fix(settings, "XY", Credentials()), by_venue()]
        second = RoutedSettings(own="fix", other="ccxt")
        async with AtVenues(tmp_path, ways, [None, urls[1]], second) as desk:
            desk.send("sold", -2.0)
            await desk.until(lambda account: not account.working)
            desk.send("bought", 2.0)
            await desk.until(lambda account: not account.working)
            assert (broker.held, other.balance["BTC"]) == (-1.0, 1.0)
            desk.send("both", -2.0)
            await desk.until(lambda account: not account.working)
            assert {each.standing for each in desk.path.account.orders.values()} == {Standing.FILLED}
        async with AtVenues(tmp_path, ways, [None, urls[1]], second) as desk:
            assert (desk.found.differences, desk.path.account.position("XY")) == ((), -2.0)
        await broker.close()

    with_two(test)
