"""Which gateway a desk is wired to, what is missing for it, and that its keys leave the environment."""

import os

import pytest

from pipeline.cli.gateway import Way, credentials_of, wired
from pipeline.domain.errors import SettingsError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.live.credentials import Credentials

FIX = {"host": "127.0.0.1", "port": 9880, "sender": "DESK", "target": "BROKER"}
CCXT = {"venue": "binance", "symbol": "BTC/USDT"}


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


@pytest.mark.parametrize(
    "told",
    [{"fix": {**FIX, "port": 0}}, {"fix": {**FIX, "password": "x"}}, {"fix": {**FIX, "sender": "A\x01B"}}],
)
def test_a_session_that_cannot_be_is_refused(told):
    with pytest.raises(ValueError, match=r"gateway\.fix"):
        desk_with(**told)


def test_keys_leave_the_environment(monkeypatch):
    monkeypatch.setenv("HEDGE_CCXT_KEY", "k")
    monkeypatch.setenv("HEDGE_FIX_PASSWORD", "p")
    assert credentials_of(Way.PAPER)["key"] == ""
    told = credentials_of(Way.CCXT)
    assert (told["key"], told["secret"], told["password"]) == ("k", "", "")
    assert "HEDGE_CCXT_KEY" not in os.environ
    assert os.environ["HEDGE_FIX_PASSWORD"] == "p"
