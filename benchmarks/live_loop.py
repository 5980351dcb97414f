"""A desk that lives a day: from a decision that is due to the order that is written down.

Models are fitted on the days before; the last day is then lived again with its journal and a paper venue,
tile after tile until ten million events have gone by, in one process, garbage collection and the folding of
the journal included. Two desks: BAC's national best quotes and trades (`ticks/lean_equity/bac`), and the book
of BTCUSD on Bitstamp (`book/bitstamp_btcusd`), followed from the order log twenty levels deep and decided on
every ten seconds. Either goes live with the flagship, then for a million events with a network that sees the
forecasts, and then with the flagship and a pause of 20 ms before each decision: what a desk does that waits
for its market, whose processor has slept and whose caches have been used by others.

decision : from the turn of the loop in which one is due until its order is in the journal: the option's
    state, the hedger's band, the overlay, and intent and audit as one record of the log ahead of SQLite,
    which survives the death of the process. The paper venue, which keeps a file of its own, is left out;
    what is told of a decision when its order has been sent is not.
refresh : best prices, features of events, history, regimes, forecasts and intervals of the same decision,
    timed apart.
events : all of the day a second, whatever the time was spent on.
memory : what the process holds after the last tile over what it held after the third.

Every other tile is timed by the clock of the thread: the processor's time of a decision, which others who use
the machine stretch less. Beside each time stands the tenth percentile, too.
`python -m benchmarks.run live_loop`; thirteen minutes.
"""

import asyncio
import gc
import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter, perf_counter_ns, process_time, sleep, thread_time_ns
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import pandas as pd

from benchmarks.measurement import Measurement
from benchmarks.shared_data import shared
from pipeline.backtest.continuation import Continuation
from pipeline.backtest.intraday_signals import learn_intraday
from pipeline.backtest.intraday_state import known_cost
from pipeline.backtest.intraday_stream import FittedIntraday
from pipeline.backtest.running_signals import RunningSignals
from pipeline.domain.desk_file import load_any
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.overlay_settings import OverlaySettings
from pipeline.features.book_close import opened_days
from pipeline.features.day_events import EventPart
from pipeline.features.decision_grid import decision_features
from pipeline.ingest.day_tables import TimedTables
from pipeline.ingest.market_days import content_of, load_days
from pipeline.ingest.pieces import InMemory
from pipeline.live import desk_day, hedger
from pipeline.live import session as live
from pipeline.live.desk_day import DeskDay
from pipeline.live.feed import Moment
from pipeline.live.gateways import on_paper
from pipeline.live.hedger import Decided, Hedger
from pipeline.live.loop import settled_memory
from pipeline.policies.base import Policy
from pipeline.policies.engineered_state import COLUMNS
from pipeline.policies.network import Layer, Network, matrix, row
from pipeline.policies.network_band import INPUTS, NetworkBand
from pipeline.policies.regime_switched import RegimeSwitched
from pipeline.regimes.catalogue import DETECTORS
from pipeline.risk.overlay import Overlay

EVENTS: Final = 10_000_000
SETTLED: Final = 3
"""Tiles after which memory has settled: everything has been compiled and imported."""
CLOCKS: Final = {"wall": perf_counter_ns, "processor": thread_time_ns}
PAUSE: Final = 0.02
"""Seconds before a decision of tiles that are lived with pauses."""
QUANTILES: Final = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
RULES: Final = {
    "position": 1e9,
    "order_size": 1e9,
    "price_collar": 0.5,
    "stale_seconds": 3600.0,
    "loss_a_day": 1e12,
}
"""An overlay whose rules are all looked at and never broken."""


@dataclass(frozen=True)
class Market:
    """What a desk needs to live its last day: events, the decision grid before it, and fitted models."""

    desk: IntradayDesk
    tables: TimedTables
    day: str
    before: pd.DataFrame
    learned: dict[str, Any]
    fitted: FittedIntraday
    desk_cost: float


@dataclass
class Clock:
    """Nanoseconds by `now` that some work took since it was set back."""

    now: Callable[[], int]
    spent: int = 0

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return `work`, whose time is added."""

        def timed(*given: Any) -> Any:
            began = self.now()
            try:
                return work(*given)
            finally:
                self.spent += self.now() - began

        return timed

    def read(self) -> int:
        """Return the time, and set it back."""
        found, self.spent = self.spent, 0
        return found


def market(name: str, folder: Path, changed: dict[str, dict[str, Any]]) -> Market:
    """Fit a desk's models as `hedge run` does; the policy keeps its prior."""
    desk = load_any(name)
    assert isinstance(desk, IntradayDesk)
    data = desk.data.model_copy(update={"folder": str(folder)})
    parts = {each: getattr(desk, each).model_copy(update=change) for each, change in changed.items()}
    rules = OverlaySettings.model_validate(RULES)
    desk = desk.model_copy(update={**parts, "data": data, "overlay": rules})
    pieces = InMemory()
    stored = load_days(desk.data, desk.grid.zone, content_of(desk.data), pieces)
    made = decision_features(desk, stored, pieces)
    features = made["features"]
    signals = learn_intraday(desk, made, pieces)
    days = list(features["day"].unique())
    tables = opened_days(stored["days"], days, pieces, desk.data.instrument)[-1]
    walks = {
        each.removeprefix("walks/").removesuffix(".npz"): Continuation.from_bytes(content)
        for each, content in signals.items()
        if each.startswith("walks/")
    }
    with np.load(io.BytesIO(signals["models/regime.npz"]), allow_pickle=False) as arrays:
        detector = DETECTORS[desk.regimes.detector].from_arrays(dict(arrays))
    variance = {horizon: walks[f"variance_{horizon}"] for horizon in desk.forecasts.horizons}
    liquidity = {each: walks[each] for each in ("half_spread", "depth", "crossing_cost")}
    events = {each: walks[each] for each in ("spike", "gap") if each in walks}
    fitted = FittedIntraday(desk, detector, variance, liquidity, events)
    learned = made["event_parameters"].groupby("feature")["value"].agg(list).to_dict()
    before = features[features["time"] < fitted.boundary]
    return Market(desk, tables, days[-1], before, learned, fitted, known_cost(desk, signals["signals"]))


class Watched:
    """A desk in the middle of its tiles, its decisions timed."""

    def __init__(self, market: Market, policy: Policy, pause: float = 0.0) -> None:
        self._market, self._policy, self._pause = market, policy, pause
        self.took: dict[str, dict[str, list[float]]] = {
            what: {clock: [] for clock in CLOCKS} for what in ("decision", "refresh")
        }
        self.events, self.decisions, self.orders, self.seconds, self.processor = 0, 0, 0, 0.0, 0.0
        self.held: list[float] = []
        first = self._day()
        self._parts = list(first.parts())
        self._count = sum(_rows(part) for part in self._parts)

    async def tile(self) -> None:
        """Live the day once; by the processor's clock every other time."""
        clock = list(CLOCKS)[len(self.held) % len(CLOCKS)]
        by = {"perf_counter_ns": CLOCKS[clock]}
        with patch.multiple(hedger, **by), patch.multiple(desk_day, **by):
            await self._tile(clock)
        self.events += self._count
        self.held.append(_held())

    async def _tile(self, clock: str) -> None:
        day, market = self._day(), self._market
        with tempfile.TemporaryDirectory(prefix="live-loop-") as folder:
            venue_of = live.Market([], day.latency, day.books, lambda: day.made.opened)
            paper = on_paper(market.desk.costs)
            async with live.opened_path(market.desk, venue_of, Path(folder), paper) as (path, played):
                signals = RunningSignals(market.fitted, market.before, day.names)
                models = (signals, self._policy, market.desk_cost, Overlay(market.desk.overlay))
                hedging = Hedger(market.desk, *models, path, "flagship 1")
                venue = Clock(CLOCKS[clock])
                path.gateway.submit = venue.around(path.gateway.submit)  # type: ignore[method-assign]
                act, boundary = day._act, market.fitted.boundary.value

                def timed(at: int, *given: Any) -> Iterator[Decided]:
                    if played.due > at and at < boundary:
                        day._clock.decided()
                        day._running.decide(at)  # the models were fitted on it
                        return
                    if self._pause and played.due > at:
                        sleep(self._pause)
                    for decided in act(at, *given):
                        apart = 1e-9 * venue.read()
                        if decided.state is not None:
                            took = {name: kept[clock] for name, kept in self.took.items()}
                            took["refresh"].append(decided.refresh)
                            took["decision"].append(decided.took - decided.refresh - apart)
                        yield decided

                day._act = timed  # type: ignore[method-assign]
                began, processor = perf_counter(), process_time()
                for part in self._parts:
                    self._take(day.go(Moment(part.until, part), hedging, played))
                    path.journal.checkpoint()
                self.seconds += perf_counter() - began
                self.processor += process_time() - processor

    def _take(self, decided: Iterator[Decided]) -> None:
        for each in decided:
            self.decisions += 1
            self.orders += each.order is not None

    def _day(self) -> DeskDay:
        market = self._market
        whole = market.before
        return DeskDay(market.desk, market.day, market.tables, market.learned, whole)


def _rows(part: EventPart) -> int:
    return sum(len(rows) for rows in part.tables.values()) + (0 if part.book is None else len(part.book))


def _held() -> float:
    """Return the MiB that this process holds."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


def _micro(took: Sequence[float], share: float) -> float:
    return 1e6 * float(np.quantile(took, share))


def network() -> NetworkBand:
    """Return a network of the size that `hedge train` leaves; its last layer is zero: Zakamouline's band."""
    rng, width = np.random.default_rng(7), len(INPUTS) + len(COLUMNS)
    weights = [rng.normal(0.0, into**-0.5, (out, into)) for into, out in pairwise((width, 24, 24))]
    layers = tuple(Layer(matrix(each), row(np.zeros(len(each)))) for each in (*weights, np.zeros((2, 24))))
    ends = ((0.0,) * width, (1.0,) * width, (-9.0,) * width, (9.0,) * width)
    return NetworkBand(Network(layers, *ends), tuple(COLUMNS))


def lived(
    name: str, market: Market, policy: Policy, events: int, pause: float = 0.0
) -> Iterator[Measurement]:
    """Live tiles until so many events have gone by; with seconds of pause the times of decisions alone."""
    desk = Watched(market, policy, pause)
    with settled_memory():
        while desk.events < events or len(desk.held) <= SETTLED:
            asyncio.run(desk.tile())
    detail = {
        "decisions": desk.decisions,
        "orders": desk.orders,
        "events": desk.events,
        "tiles": len(desk.held),
    }
    print(name, detail)
    for what, took in desk.took.items():
        least = {"p10": _micro(took["wall"], 0.1)}
        for quantile, share in QUANTILES.items():
            value, own = (_micro(took[clock], share) for clock in ("wall", "processor"))
            print(f"  {what} {quantile}: {value:.1f} µs, of the processor {own:.1f}, p10 {least['p10']:.1f}")
            further = detail | least | {"processor": own}
            yield Measurement(f"live_loop.{name}_{what}_{quantile}", "µs", value, detail=further)
    if pause:
        return
    rate, detail["a_processor_second"] = desk.events / desk.seconds, desk.events / desk.processor
    print(f"  {rate:,.0f} events/s, {detail['a_processor_second']:,.0f} a second of the processor")
    print(f"  memory {desk.held[SETTLED - 1]:.0f} to {desk.held[-1]:.0f} MiB")
    yield Measurement(f"live_loop.{name}_events", "events/s", rate, detail=detail)
    yield Measurement(
        f"live_loop.{name}_memory", "MiB", desk.held[-1] - desk.held[SETTLED - 1], detail=detail
    )


OFTEN: Final = {"grid": {"every_seconds": 10.0}, "windows": {"refit_minutes": 300}}
DESKS: Final[Sequence[tuple[str, str, tuple[str, ...], dict[str, dict[str, Any]], int]]] = (
    ("bac", "bac-intraday", ("ticks", "lean_equity", "bac"), {}, EVENTS),
    ("btc", "btc-intraday", ("book", "bitstamp_btcusd"), OFTEN, EVENTS // 10),
)


def measure() -> Iterator[Measurement]:
    """Live both desks with either hedger."""
    for name, desk, place, changed, events in DESKS:
        fitted = market(desk, shared(*place), changed)
        yield from lived(name, fitted, RegimeSwitched(), events)
        yield from lived(f"{name}_network", fitted, network(), EVENTS // 10)
        yield from lived(f"{name}_paused", fitted, RegimeSwitched(), 0, PAUSE)


if __name__ == "__main__":
    for _ in measure():
        pass
