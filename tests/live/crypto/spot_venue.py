"""A spot venue on a local socket with Binance's REST interface: it checks signatures, and can fail."""

import asyncio
import hashlib
import hmac
import time
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

from aiohttp import web

KEY, SECRET = "key-nobody-sees", "secret-nobody-sees"
BASE = "/api/v3"
MARKET = {
    "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
    "baseAssetPrecision": 8, "quotePrecision": 8, "orderTypes": ["LIMIT", "MARKET"],
    "isSpotTradingAllowed": True, "permissions": ["SPOT"],
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "9000", "stepSize": "0.001"},
    ],
}  # fmt: skip


class SpotVenue:
    """Fills market orders at 100.5 at once, lets limits rest; an id of the client's is refused twice.

    `fail` says of the next requests of a kind what becomes of them: "lost" is not acted on and never
    answered, "unanswered" is acted on and answered by a fault of the venue's, "busy" is one request too many,
    "slow" is acted on late.
    """

    def __init__(self):
        self.orders, self.trades, self.balance, self.fail = {}, [], {"BTC": 0.0, "USDT": 1e6}, []
        self.fee, self.asked, self.most = "USDT", [], 1000.0
        self.page = 500

    @asynccontextmanager
    async def open(self):
        """Serve; yield the URL."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}{BASE}"
        finally:
            await runner.cleanup()

    async def serve(self):
        """Serve until `close`; return the URL."""
        self.serving = self.open()
        return await self.serving.__aenter__()

    async def close(self):
        await self.serving.__aexit__(None, None, None)

    def sent(self):
        """Return the clients' ids of all orders."""
        return [each["clientOrderId"] for each in self.orders.values()]

    def fill(self, order, units, price=100.5):
        done = float(order["executedQty"]) + units
        order["executedQty"] = f"{done:.8f}"
        order["status"] = "FILLED" if done >= float(order["origQty"]) - 1e-9 else "PARTIALLY_FILLED"
        buys = order["side"] == "BUY"
        self.balance["BTC"] += units if buys else -units
        self.trades.append({
            "symbol": "BTCUSDT", "id": len(self.trades) + 1, "orderId": order["orderId"],
            "price": f"{price:.2f}", "qty": f"{units:.8f}", "quoteQty": f"{units * price:.8f}",
            "commission": f"{units * 0.1:.8f}",
            "commissionAsset": self.fee, "time": now(), "isBuyer": buys, "isMaker": False,
            "isBestMatch": True,
        })  # fmt: skip

    def place(self, told):
        number = len(self.orders) + 1
        order = {
            "symbol": "BTCUSDT", "orderId": number, "clientOrderId": told["newClientOrderId"],
            "status": "NEW", "price": told.get("price", "0"), "origQty": told["quantity"],
            "executedQty": "0", "side": told["side"],
            "cummulativeQuoteQty": "0", "type": told["type"], "timeInForce": "GTC", "time": now(),
            "updateTime": now(), "transactTime": now(),
        }  # fmt: skip
        self.orders[number] = order
        if told["type"] == "MARKET":
            self.fill(order, float(told["quantity"]))
        return order

    async def _answer(self, request):
        told = dict(parse_qsl(request.query_string or await request.text()))
        what = f"{request.method} {request.path.removeprefix(BASE)}"
        self.asked.append(what)
        if what == "GET /exchangeInfo":
            return web.json_response({"symbols": [MARKET]})
        signed, _, signature = (request.query_string or await request.text()).rpartition("&signature=")
        expected = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
        if request.headers.get("X-MBX-APIKEY") != KEY or signature != expected:
            return fault(401, -2014, f"API-key {request.headers.get('X-MBX-APIKEY')} is not known.")
        failing = self.fail.pop(0)[1] if self.fail and self.fail[0][0] == what else ""
        if failing == "busy":
            return fault(429, -1003, "Too many requests.")
        if failing == "lost":
            request.transport.close()
            return web.Response()
        if failing == "slow":
            await asyncio.sleep(0.3)
        answer = self._acted(what, told)
        return fault(504, -1007, "Timeout waiting for response.") if failing == "unanswered" else answer

    def _acted(self, what, told):
        match what:
            case "POST /order" if float(told["quantity"]) > self.most:
                return fault(400, -2010, f"Account has insufficient balance for requested action, {KEY}.")
            case "POST /order" if told["newClientOrderId"] in self.sent():
                raise AssertionError(f"sent twice: {told}")
            case "POST /order":
                return web.json_response(self.place(told))
            case "DELETE /order":
                order = self.orders[int(told["orderId"])]
                if order["status"] not in ("NEW", "PARTIALLY_FILLED"):
                    return fault(400, -2011, "Unknown order sent.")
                order["status"] = "CANCELED"
                return web.json_response(order)
            case "GET /order":
                return web.json_response(self.orders[int(told["orderId"])])
            case "GET /openOrders":
                alive = [
                    each for each in self.orders.values() if each["status"] in ("NEW", "PARTIALLY_FILLED")
                ]
                return web.json_response(alive)
            case "GET /allOrders":
                since, most = int(told.get("startTime", 0)), int(told.get("limit", 500))
                listed = [each for each in self.orders.values() if each["time"] >= since]
                return web.json_response(listed[: min(most, self.page)])
            case "GET /myTrades":
                since, most = int(told.get("startTime", 0)), int(told.get("limit", 500))
                listed = [each for each in self.trades if each["time"] >= since]
                return web.json_response(listed[: min(most, self.page)])
            case "GET /account":
                held = [
                    {"asset": name, "free": f"{units:.8f}", "locked": "0"}
                    for name, units in self.balance.items()
                ]
                return web.json_response({"balances": held, "updateTime": now()})
        return fault(404, -1, f"{what} is not known here")


def fault(status, code, text):
    return web.json_response({"code": code, "msg": text}, status=status)


def now():
    return time.time_ns() // 1_000_000
