"""Which gateway a desk is wired to, what is missing for it, and that its keys leave the environment."""

import asyncio
import os

import pytest

from pipeline.cli.gateway import Way, credentials_of, wired
from pipeline.domain.errors import SettingsError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.orders import Order
from pipeline.live.credentials import Credentials
from pipeline.live.venue import Book

FIX = {"host": "127.0.0.1", "port": 9880, "sender": "DESK", "target": "BROKER"}
CCXT = {"venue": "binance", "symbol": "X/Y"}


def desk_with(**gateway):
    days = ("learn_start", "signals_start", "test_start", "test_end")
    windows = {name: f"2026-03-0{day}" for day, name in enumerate(days, start=1)}
    data = {"instrument": "XY", "files": ["*.log"]}
    told = {"name": "made", "data": data, "windows": windows, "gateway": gateway}
    return IntradayDesk.model_validate(told)


@pytest.mark.parametrize(
    ("way", "gateway", "said"),
    [
        (Way.FIX, {}, r"no \[gateway.fix\]"),
        (Way.CCXT, {"fix": FIX}, r"no \[gateway.ccxt\]"),
        (Way.ROUTED, {}, r"no \[gateway.routed\]"),
        (Way.FIX, {"fix": FIX}, "gateway.fix.rehearsal = true"),
        (Way.CCXT, {"ccxt": {**CCXT, "live_money": True}}, "gateway.ccxt.live_money = false"),
    ],
)
def test_what_is_missing_is_said(way, gateway, said):
    with pytest.raises(SettingsError, match=said):
        wired(way, desk_with(**gateway), Credentials(), replayed=True)


@pytest.mark.parametrize(
    ("way", "replayed", "gateway"),
    [
        (Way.PAPER, True, {}),
        (Way.FIX, False, {"fix": FIX}),
        (Way.FIX, True, {"fix": {**FIX, "rehearsal": True}}),
    ],
)
def test_a_desk_that_says_where_it_is_wired(way, replayed, gateway):
    assert callable(wired(way, desk_with(**gateway), Credentials(), replayed))


def test_a_routed_desk_is_wired_to_two_paper_venues_with_their_own_costs(tmp_path):
    books = [Book([99.0], [1.0], [101.0 + k], [9.0]) for k in range(2)]
    way = wired(Way.ROUTED, desk_with(routed={"fixed_fee": 4.0}), Credentials(), replayed=True)
    with way(tmp_path, lambda order: 0, lambda: books) as (gateway, played):
        asyncio.run(gateway.start((heard := []).append))
        for number, units in enumerate((2.0, 5.0, 20.0)):
            gateway.submit(Order(f"o{number}", "XY", units))
            played.advance(1, {"XY": books[0]})
        positions = asyncio.run(gateway.positions())
    filled = [(each.report_id.partition("@")[2], each.filled, each.fee) for each in heard if each.filled]
    assert filled == [("own", 2.0, 0.0), ("own", 5.0, 0.0), ("own", 2.0, 0.0), ("other", 9.0, 4.0)]
    assert positions == {"XY": 18.0}
    assert credentials_of(Way.ROUTED)["key"] == ""


def test_a_stream_tells_no_second_book_to_route_by():
    with pytest.raises(SettingsError, match="one venue's book"):
        wired(Way.ROUTED, desk_with(routed={}), Credentials(), replayed=False)


@pytest.mark.parametrize(
    "told",
    [{"fix": {**FIX, "port": 0}}, {"fix": {**FIX, "password": "x"}}, {"fix": {**FIX, "sender": "A\x01B"}}],
)
def test_a_session_that_cannot_be_is_refused(told):
    with pytest.raises(ValueError, match=r"gateway\.fix"):
        desk_with(**told)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"symbol": "XY"}, None),
        ({"symbol": "X/Y"}, None),
        (
            {"symbol": "XZ/USDT"},
            'gateway.ccxt.symbol: XZ/USDT is not XY, .* say gateway.ccxt.instrument = "XY"',
        ),
        ({"symbol": "XZ/USDT", "instrument": "XY"}, None),
        ({"symbol": "X/Y", "instrument": "Z"}, "gateway.ccxt.symbol: X/Y is not XY"),
        ({"symbol": "X/Y:Y"}, "is not XY"),
    ],
)
def test_a_desk_is_wired_to_the_market_that_it_hedges(told, why):
    if why is None:
        assert desk_with(ccxt={"venue": "binance", **told}).gateway.ccxt is not None
    else:
        with pytest.raises(ValueError, match=why):
            desk_with(ccxt={"venue": "binance", **told})


def test_keys_leave_the_environment(monkeypatch):
    monkeypatch.setenv("HEDGE_CCXT_KEY", "k")
    monkeypatch.setenv("HEDGE_FIX_PASSWORD", "p")
    assert credentials_of(Way.PAPER)["key"] == ""
    told = credentials_of(Way.CCXT)
    assert (told["key"], told["secret"], told["password"]) == ("k", "", "")
    assert "HEDGE_CCXT_KEY" not in os.environ
    assert os.environ["HEDGE_FIX_PASSWORD"] == "p"
