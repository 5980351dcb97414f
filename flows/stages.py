"""One flow a stage: each asks the dataset store for its dataset and returns the key."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Any, ParamSpec, TypeVar

import pandas as pd
from prefect import Task, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from flows.datasets import derived, home_of, made, piece, store_of
from flows.failures import told
from flows.naming import run_name
from flows.works import works_of
from pipeline.backtest.desk_check import checked_any, checked_desk
from pipeline.backtest.holdings import check_holdable
from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import AnyDesk, SimulatedDesk, StoringDesk
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.evaluate.own_fills import FILLS
from pipeline.ingest import positions
from pipeline.ingest.content import Known
from pipeline.learning.in_a_run import NETWORK, STATE, learn_hedger
from pipeline.learning.ready import check_ready
from pipeline.learning.stored_in_a_run import learn_from_stored, stored_windows
from pipeline.learning.windows import learning_windows
from pipeline.live.journal_place import journals_of
from pipeline.live.own_orders import of_files, of_journals, own_orders
from pipeline.monitor.own_cost_score import learn_costs
from pipeline.monitor.own_costs import GRID
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.learns import STORED, learns_from
from pipeline.policies.saved_network import keep_network, with_learned, with_networks
from pipeline.tracking.learning import LearnedNetwork, register_newest
from pipeline.tracking.own_costs import with_own_costs

log = logging.getLogger(__name__)
NO_GAIN = (
    "warning: %s as it was trained for %s on is no better than untrained on what taught nothing: the run "
    "hedges with it, it becomes neither champion nor challenger"
)
P = ParamSpec("P")
R = TypeVar("R")


@flow(flow_run_name=run_name)
@told("ingest")
def ingest(desk: str, home: str | None = None, force: bool = False) -> str:
    """Load the desk's market data; return the key of the dataset `market`."""
    return _load_market(desk, home, force)


@flow(flow_run_name=run_name)
@told("features")
def features(desk: str, home: str | None = None, force: bool = False, market: str | None = None) -> str:
    """Compute the features of `market` (ingested if not given); return the key of `features`."""
    market = market or ingest(desk, home, force)
    settings = with_own_costs(checked_any(desk), home_of(home).mlruns)
    return made(works_of(settings).matrix(settings, market), home, force)


@flow(flow_run_name=run_name)
@told("train")
def train(
    desk: str,
    home: str | None = None,
    force: bool = False,
    market: str | None = None,
    matrix: str | None = None,
    latest: bool = False,
) -> str:
    """Learn regimes and forecasts from `market` and the feature matrix; return the key of `signals`.

    With `latest` the walk goes on through the newest session instead of `windows.test_end`.
    """
    market = market or ingest(desk, home, force)
    matrix = matrix or features(desk, home, force, market)
    settings = settings_of(desk, home, market, latest)
    return made(works_of(settings).signals(settings, market, matrix), home, force)


def trains(desk: str) -> bool:
    """Tell whether a desk's run trains hedgers, see `learn`; raise where it cannot (`ready.check_ready`)."""
    settings = checked_any(desk)
    check_ready(settings)
    return bool(settings.policies.train)


@flow(flow_run_name=run_name)
@told("learn")
def learn(desk: str, home: str | None, force: bool, signals: str) -> dict[str, dict[date, str]]:
    """Train the hedgers of `policies.train`, window by window; return files by policy and first day.

    Who learns from what the desk has stored is trained as `stored_windows` says.
    A training is a dataset like any other: it is made again where the desk's option, costs or risk, its plan,
    what was known before its window or the training that it goes on from have changed. The networks are kept
    among the desk's, and the newest of each policy is registered. One that gained nothing hedges its window
    all the same, for that is what the report judges, and is nobody's champion (`learning.run_networks`).
    """
    settings = with_own_costs(checked_any(desk), home_of(home).mlruns)
    known = store_of(home).open(signals)
    files = {}
    for policy in settings.policies.train:
        if learns_from(settings, policy) == STORED:
            assert isinstance(settings, StoringDesk)
            trained = _learn_stored(settings, policy, known, home, force)
        else:
            assert isinstance(settings, SimulatedDesk)
            trained = _learn_windows(settings, policy, known, home, force)
        register_newest(home_of(home), settings, policy, tuple(trained.values()))
        newest = max(trained)
        if not Checkpoint.read(trained[newest].file).gained:
            log.warning(NO_GAIN, policy, newest)
        files[policy] = {first: each.file.name for first, each in trained.items()}
    return files


def _learn_windows(
    settings: SimulatedDesk,
    policy: str,
    tables: Mapping[str, pd.DataFrame],
    home: str | None,
    force: bool,
) -> dict[date, LearnedNetwork]:
    """Train one policy window by window, each from where the one before ended; by the first day served."""
    store, trained, before = store_of(home), {}, None
    for window in learning_windows(settings, policy, tables):
        told = {"desk": settings.for_learning(), "policy": policy, "order": window.order, "before": before}
        hedger = store.open(piece("hedger", learn_hedger, home, force, **told))
        before = Known(hedger.read_bytes(STATE), hedger.key)
        history = tuple(hedger["curve"].itertuples(index=False, name=None))
        log.info(
            "%s for sessions from %s on: risk %.5f before %d steps, %.5f after them",
            policy, window.first, history[0][1], window.order.steps, history[-1][1],
        )  # fmt: skip
        file = keep_network(home_of(home), settings.name, policy, hedger.read_bytes(NETWORK))
        facts = {**Checkpoint.read(file).facts["plan"], "dataset": hedger.key, "first": window.first}
        facts |= {f"market/{name}": value for name, value in window.order.known}
        trained[window.first] = LearnedNetwork(file, facts, history)
    return trained


def _learn_stored(
    settings: StoringDesk,
    policy: str,
    tables: Mapping[str, pd.DataFrame],
    home: str | None,
    force: bool,
) -> dict[date, LearnedNetwork]:
    """Train one policy before every test window on what was stored before it; by the first day served."""
    store, plan, trained = store_of(home), settings.policies.train[policy], {}
    for window in stored_windows(settings, policy, tables):
        told = {"desk": settings.for_learning(), "policy": policy, "steps": plan.steps, "paths": plan.paths}
        made_now = piece("stored_hedger", learn_from_stored, home, force, stored=window.stored, **told)
        hedger = store.open(made_now)
        history = tuple(hedger["curve"].itertuples(index=False, name=None))
        log.info(
            "%s for days from %s on: held-out risk %.5f untrained, %.5f at its best",
            policy, window.first, history[0][1], min(risk for _, risk in history),
        )  # fmt: skip
        file = keep_network(home_of(home), settings.name, policy, hedger.read_bytes(NETWORK))
        facts = {**Checkpoint.read(file).facts["plan"], "dataset": hedger.key, "first": window.first}
        trained[window.first] = LearnedNetwork(file, facts, history)
    return trained


@flow(flow_run_name=run_name)
@told("backtest")
def backtest(
    desk: str,
    home: str | None = None,
    force: bool = False,
    signals: str | None = None,
    latest: bool = False,
    learned: Sequence[str] = (),
    trained: Mapping[str, Mapping[date, str]] | None = None,
) -> str:
    """Hedge every episode, and the book, with every policy on `signals`; return the key of `backtest`.

    `trained` are the networks that `learn` trained, which is asked where they are not given.
    """
    learns = trained is None and trains(desk)
    market = _market_behind(signals, home) if signals else ingest(desk, home, force)
    held = positions_of(desk, home, force, market, latest)
    signals = signals or train(desk, home, force, market, latest=latest)
    if learns:
        trained = learn(desk, home, force, signals)
    settings = settings_of(desk, home, market, latest, learned, trained)
    return made(works_of(settings).results(settings, signals, held), home, force)


@flow(name="own_costs", flow_run_name=run_name)
@told("own_costs")
def own_costs(desk: str, home: str | None, force: bool, market: str, matrix: str) -> str | None:
    """Learn latency and costs from the own fills of a desk within the day; return the key of `own_costs`.

    They are those of its live journals and of the files of `data.own`. What its file says of both, and not a
    champion, is what they are held against, so nothing is learned twice. None for a desk of another kind.
    """
    settings, store, place = checked_any(desk), store_of(home), home_of(home)
    if not isinstance(settings, IntradayDesk):
        return None
    journals = journals_of(place.data / "live" / settings.name)
    tables, grid = store.open(market), store.open(matrix)
    found = of_journals(journals, settings.name, paper=settings.own_costs.paper)
    files = of_files(tables[FILLS], settings.data.own) if FILLS in tables else ()
    own = {"hedge": settings.hedge, "own_costs": settings.own_costs}
    seen = {"grid": grid["features"][list(GRID)], "fills": grid["fills"]}
    orders = own_orders(chain(found, files))
    return piece("own_costs", learn_costs, home, force, orders=orders, **own, **seen)


def _market_behind(signals: str, home: str | None) -> str:
    """Return the key of the market that signals were learned from."""
    store = store_of(home)
    inputs = store.open(signals).meta["inputs"]
    return str(inputs.get("market") or store.open(inputs["features"]).meta["inputs"]["market"])


def settings_of(
    desk: str,
    home: str | None,
    market: str,
    latest: bool,
    learned: Sequence[str] = (),
    trained: Mapping[str, Mapping[date, str]] | None = None,
) -> AnyDesk:
    """Return the desk's settings, tested through the newest session of `market` if `latest`.

    With `learned`, extras, the hedgers are added that were trained for it (`saved_network.with_learned`);
    `trained` are the networks of its own policies, see `learn`.
    """
    settings = with_own_costs(checked_any(desk), home_of(home).mlruns)
    if trained:
        settings = with_networks(settings, trained)
    if learned:
        settings = with_learned(settings, learned, desk)
    if not latest:
        return settings
    return settings.through(works_of(settings).newest(store_of(home).open(market)))


@flow(name="positions", flow_run_name=run_name)
@told("positions")
def positions_of(desk: str, home: str | None, force: bool, market: str, latest: bool) -> str | None:
    """Load the options that the desk holds, such as can be hedged; None for a rolling programme."""
    settings, store = settings_of(desk, home, market, latest), store_of(home)
    if not isinstance(settings, Desk) or settings.book.positions is None:
        return None
    key = load_positions(desk, home, force)
    for sentence in positions.left_out(store.open(key)["quarantine"]):
        log.warning("warning: %s; the book is hedged without it, a decision is refused", sentence)
    check_holdable(settings, store.open(market)["bars"], store.open(key)["positions"])
    return key


def _failed_to_read(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """Tell whether a task failed on reading or writing, so that another try may succeed."""
    return isinstance(state.result(raise_on_failure=False), OSError)


def _reading(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task that reads files: tried again only where reading failed, never cached by Prefect."""
    return task(
        name=name,
        retries=2,
        retry_delay_seconds=2,
        retry_condition_fn=_failed_to_read,
        cache_policy=NO_CACHE,
    )


@_reading("load market data")
def _load_market(desk: str, home: str | None, force: bool) -> str:
    settings = checked_any(desk)
    return made(works_of(settings).market(settings), home, force)


@_reading("load positions")
def load_positions(desk: str, home: str | None, force: bool) -> str:
    """Load the options that the desk holds; return the key of the dataset `positions`."""
    settings = checked_desk(desk)
    assert settings.book.positions is not None
    parameters = {
        "settings": settings.book.positions,
        "content": positions.content_of(settings.book.positions),
        "calendar": settings.data.calendar,
    }
    return derived("positions", positions.load_positions, home, force, {}, parameters)
