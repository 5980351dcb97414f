"""What a day lived again needs: models as a walk left them, and the loop without a process of its own."""

import asyncio
import io
from contextlib import closing
from types import SimpleNamespace

import numpy as np

from pipeline.backtest.continuation import Continuation
from pipeline.backtest.intraday_stream import FittedIntraday
from pipeline.backtest.running_signals import RunningSignals
from pipeline.domain.overlay_settings import OverlaySettings
from pipeline.live.feed import END, Moment
from pipeline.live.hedger import Hedger
from pipeline.live.journal import Journal
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.recovery import recover
from pipeline.regimes.catalogue import DETECTORS
from pipeline.risk.overlay import Overlay


def left_by(desk, tables):
    """The models as the last window left them, read from the files of the signals."""
    walks = {
        name.removeprefix("walks/").removesuffix(".npz"): Continuation.from_bytes(content)
        for name, content in tables.items()
        if name.startswith("walks/")
    }
    with np.load(io.BytesIO(tables["models/regime.npz"]), allow_pickle=False) as arrays:
        detector = DETECTORS[desk.regimes.detector].from_arrays(dict(arrays))
    return FittedIntraday(
        desk,
        detector,
        {horizon: walks[f"variance_{horizon}"] for horizon in desk.forecasts.horizons},
        {name: walks[name] for name in ("half_spread", "depth", "crossing_cost")},
        {name: walks[name] for name in ("spike", "gap") if name in walks},
    )


def live_through(desk, replayed, before, fitted, policy, desk_cost, folder):
    """Live a day; return it, its rows, its decisions with the time of each, and the account."""
    signals, rows = RunningSignals(fitted, before, replayed.names), []
    step = signals.step
    signals.step = lambda row: rows.append(row) or step(row)
    with (
        Journal(folder / "journal.db", desk.name, now=0) as journal,
        closing(PaperGateway(folder / "venue", replayed.latency)) as gateway,
    ):
        path = OrderPath(journal, gateway, now=lambda: 0)
        asyncio.run(recover(path, now=0))
        hedger = Hedger(desk, signals, policy, desk_cost, Overlay(OverlaySettings()), path)
        moments = [*(Moment(part.until, part) for part in replayed.parts()), Moment(END, None)]
        lived = [(each, replayed.now) for moment in moments for each in replayed.go(moment, hedger, gateway)]
        return SimpleNamespace(
            day=replayed, rows=rows, lived=lived, policy=policy, desk_cost=desk_cost, account=path.account
        )
