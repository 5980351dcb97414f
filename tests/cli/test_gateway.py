"""Which gateway a desk is wired to, what is missing for it, and that its keys leave the environment."""

import asyncio
import os

import pytest

from pipeline.cli.gateway import Way, credentials_of, wired
from pipeline.cli.live import live
from pipeline.domain.errors import SettingsError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.orders import Order
from pipeline.live.credentials import Credentials
from pipeline.live.venue import Book

FIX = {"host": "127.0.0.1", "port": 9880, "sender": "DESK", "target": "BROKER"}
CCXT = {"venue": "binance", "symbol": "X/Y"}
PRIVATE = dict.fromkeys(("fix", "ccxt", "routed.fix", "routed.ccxt"), Credentials())
PLAY = {**FIX, "rehearsal": True}


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
        (Way.ROUTED, {"routed": {"own": "fix", "other": "fix"}}, r"no \[gateway.fix\]"),
        (Way.ROUTED, {"fix": PLAY, "routed": {"own": "fix", "other": "ccxt"}}, r"no \[gateway.routed.ccxt\]"),
        (
            Way.ROUTED,
            {"fix": FIX, "routed": {"own": "fix", "other": "ccxt", "ccxt": {**CCXT, "live_money": True}}},
            "gateway.fix.rehearsal = true",
        ),
        (
            Way.ROUTED,
            {"fix": FIX, "routed": {"own": "fix", "other": "ccxt", "ccxt": CCXT}},
            "play at one venue and for money at the other",
        ),
    ],
)
def test_what_is_missing_is_said(way, gateway, said):
    with pytest.raises(SettingsError, match=said):
        wired(way, desk_with(**gateway), PRIVATE, replayed=True)


@pytest.mark.parametrize(
    ("way", "replayed", "gateway"),
    [
        (Way.PAPER, True, {}),
        (Way.FIX, False, {"fix": FIX}),
        (Way.FIX, True, {"fix": {**FIX, "rehearsal": True}}),
    ],
)
def test_a_desk_that_says_where_it_is_wired(way, replayed, gateway):
    assert callable(wired(way, desk_with(**gateway), PRIVATE, replayed))


def test_a_routed_desk_is_wired_to_two_paper_venues_with_their_own_costs(tmp_path):
    books = [Book([99.0], [1.0], [101.0 + k], [9.0]) for k in range(2)]
    way = wired(Way.ROUTED, desk_with(routed={"fixed_fee": 4.0}), PRIVATE, replayed=True)
    with way(tmp_path, lambda order: 0, lambda: books) as (gateway, played, *_):
        asyncio.run(gateway.start((heard := []).append))
        for number, units in enumerate((2.0, 5.0, 20.0)):
            gateway.submit(Order(f"o{number}", "XY", units))
            played.advance(1, {"XY": books[0]})
        positions = asyncio.run(gateway.positions())
    filled = [(each.report_id.partition("@")[2], each.filled, each.fee) for each in heard if each.filled]
    assert filled == [("own", 2.0, 0.0), ("own", 5.0, 0.0), ("own", 2.0, 0.0), ("other", 9.0, 4.0)]
    assert positions == {"XY": 18.0}


@pytest.mark.parametrize(
    ("feeds", "said"),
    [
        ({"feed": "replay:2020-03-05", "other_feed": "wss://a/stream?streams=xy@depth"}, "data.other_files"),
        (
            {"feed": "wss://a/stream?streams=xy@trade", "other_feed": "http://b"},
            "--other-feed http://b: give ws",
        ),
        (
            {"feed": "wss://a/stream?streams=xy@trade", "other_feed": "wss://b/stream?streams=xy@depth"},
            "book of b asked for. Give --other-snapshot URL",
        ),
    ],
)
def test_a_second_stream_that_cannot_be_followed_is_refused(feeds, said):
    with pytest.raises(SettingsError, match=said):
        live("no.toml", **feeds)


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
    monkeypatch.setenv("HEDGE_ROUTED_FIX_ACCOUNT", "b")
    assert credentials_of(Way.PAPER) == {}
    told = credentials_of(Way.CCXT)["ccxt"]
    assert (told["key"], told["secret"], told["password"]) == ("k", "", "")
    assert "HEDGE_CCXT_KEY" not in os.environ
    assert os.environ["HEDGE_FIX_PASSWORD"] == "p"
    both = credentials_of(Way.ROUTED)
    assert (both["fix"]["password"], both["routed.fix"]["account"], both["fix"]["account"]) == ("p", "b", "")
    assert not any(name.startswith(("HEDGE_FIX", "HEDGE_ROUTED")) for name in os.environ)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"routed": {"own": "fix"}}, "beside an account, paper is nothing"),
        (
            {"fix": FIX, "routed": {"own": "fix", "other": "fix", "fix": FIX}},
            "gateway.routed.fix: is gateway.fix",
        ),
        (
            {
                "fix": FIX,
                "routed": {"own": "fix", "other": "fix", "fix": {**FIX, "heartbeat_seconds": 5}},
            },
            "gateway.routed.fix: is gateway.fix",
        ),
        (
            {"ccxt": CCXT, "routed": {"own": "ccxt", "other": "ccxt", "ccxt": {**CCXT, "baseline": 1.0}}},
            "gateway.routed.ccxt: is gateway.ccxt",
        ),
        ({"routed": {"fix": FIX}}, 'gateway.routed.fix: without other = "fix" orders go to paper'),
        (
            {"routed": {"own": "ccxt", "other": "ccxt", "ccxt": {**CCXT, "symbol": "Z/Y"}}},
            "gateway.routed.ccxt.symbol: Z/Y is not XY",
        ),
    ],
)
def test_two_venues_that_cannot_be_are_refused(told, said):
    with pytest.raises(ValueError, match=said):
        desk_with(**told)
