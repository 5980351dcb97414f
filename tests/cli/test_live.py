"""What `hedge live` says by its end."""

import json

import pytest
import typer

from pipeline.cli.live import _ended
from pipeline.domain.desk_file import load_any
from pipeline.live.account import Account
from pipeline.live.session import Lived
from pipeline.risk.state import Latch, RiskState


def test_a_desk_that_does_not_trade_by_its_end_says_so_and_ends_with_5(tmp_path, capsys):
    desk = load_any("bac-intraday")

    def ends(state):
        lived = Lived(0, 0, {}, Account(), Latch(state, "ada", "too hot", 1), True)
        _ended(desk, "replay:day", lived, tmp_path, as_json=True)

    for state in (RiskState.HALTED, RiskState.REDUCING):
        with pytest.raises(typer.Exit) as ended:
            ends(state)
        assert ended.value.exit_code == 5
        assert json.loads(capsys.readouterr().out)["state"] == state.value
    ends(RiskState.ACTIVE)
