"""What all tests share: no test writes into the project, and every test sees the same random draws."""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.instruments import Liability
from tests.processes import Finished, finished_once, prefect_database_once

PLACE = tempfile.TemporaryDirectory(prefix="prefect-")
os.environ["PREFECT_HOME"] = PLACE.name  # read once, when Prefect is imported: not under the project
ROWS, STEPS = 60, 21

hypothesis.settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, print_blob=True, max_examples=50
)
hypothesis.settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist hand out the files in the order of the collection, not by their number of tests."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, so that no worker is left alone with one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path.parent.name != "flows", item.path not in slow))


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test a home of its own, so that nothing is written under the project."""
    home: Path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HEDGE_HOME", str(home))
    return home


@pytest.fixture
def make_state():
    """Return a function that builds a state [60, 21] for a book, with every learned column filled."""

    def build(kind="call", side="short", cost=1e-3, slope=-0.5, seed=4):
        rng = np.random.default_rng(seed)
        moves = rng.normal(0, 0.012, (ROWS, STEPS))
        paths = 100 * np.exp(np.c_[np.zeros(ROWS), np.cumsum(moves, axis=1)])
        vol = 0.2 * (paths[:, :-1] / 100) ** (slope / 0.2)
        calm = rng.uniform(0.05, 0.95, (ROWS, STEPS))
        prob = np.stack([calm, 0.6 * (1 - calm), 0.4 * (1 - calm)], axis=-1)
        state, market = simulated_episodes(
            paths,
            vol,
            Liability.of(kind, side),
            strike=100.0,
            interval=1 / 252,
            cost=cost,
            risk_aversion=1.0,
            regime_prob=prob,
            regime_moves=np.array([[0.97, 0.02, 0.01], [0.03, 0.95, 0.02], [0.01, 0.06, 0.93]]),
            regime_variance=np.array([0.1, 0.18, 0.35]) ** 2 / 252,
        )
        learned = {
            name: rng.uniform(low, high, (ROWS, STEPS))
            for name, low, high in (
                ("forecast_vol", 0.1, 0.3),
                ("regime_vol", 0.1, 0.3),
                ("cost", 0.5 * cost, 2 * cost),
                ("spike_prob", 0.0, 0.6),
                ("gap_prob", 0.0, 0.6),
                ("inventory", 0.0, 1.0),
                ("realised_pnl", -3.0, 3.0),
                ("marked_pnl", -3.0, 3.0),
                ("position_room", 0.0, 1.0),
                ("loss_room", 0.0, 1.0),
            )
        }
        learned |= {
            f"{name}_{edge}": learned[name] * factor * rng.uniform(0.9, 1.1, (ROWS, STEPS))
            for name in ("forecast_vol", "cost")
            for edge, factor in (("lower", 0.5), ("upper", 2.0))
        }
        return replace(
            state, **learned, spike_base=np.full_like(vol, 0.1), gap_base=np.full_like(vol, 0.1)
        ), market

    return build


@pytest.fixture(scope="session")
def local_volatility():
    """Return a function that simulates a spot of volatility .2 (S/100)^real, marked at .2 (S/100)^marked.

    A local volatility of the power p has at-the-money and near-the-money implied volatilities that move
    with the power p/2 of the spot (Hagan et al. 2002, to first order). It gives the state and the market of
    short at-the-money calls of 21 sessions; the same `seed` is the same noise whatever the `drift` a year.
    """

    def build(real, marked, drift=0.0, paths=4000, cost=0.0, seed=8):
        rng = np.random.default_rng(seed)
        spot, day, fine = [np.full(paths, 100.0)], 1 / 252, 4
        for _ in range(STEPS):
            level = spot[-1]
            for _ in range(fine):
                vol = 0.2 * (level / 100.0) ** real
                step = rng.normal(size=paths) * vol * np.sqrt(day / fine)
                level = level * np.exp(drift * day / fine - 0.5 * vol**2 * day / fine + step)
            spot.append(level)
        path = np.stack(spot, axis=1)
        implied = 0.2 * (path[:, :-1] / 100.0) ** (marked / 2)
        call = Liability.of("call", "short")
        return simulated_episodes(
            path, implied, call, strike=100.0, interval=day, cost=cost, risk_aversion=1.0
        )

    return build


@pytest.fixture(scope="session")
def small_desk() -> Path:
    """A desk file that runs in seconds."""
    return Path(__file__).with_name("small-desk.toml")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of this run of the tests share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def finished(shared_folder: Path, small_desk: Path) -> Finished:
    """The one run of the small desk that all tests of all workers share: they copy its home, or only read."""
    return finished_once(small_desk, shared_folder / "finished")


@pytest.fixture(scope="session")
def prefect_home(shared_folder: Path):
    """Return a function that makes a home of Prefect whose database, which takes seconds, is there."""
    database = prefect_database_once(shared_folder / "prefect")

    def made(home: Path) -> Path:
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(database, home)
        return home

    return made


@pytest.fixture(scope="session")
def prefect(prefect_home, tmp_path_factory: pytest.TempPathFactory):
    """A Prefect server of the worker's own for flows that run in the test's process; it gives its URL."""
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from flows.private_server import PrivateServer

    server = PrivateServer(prefect_home(tmp_path_factory.mktemp("prefect")))
    server.wait()
    with temporary_settings({PREFECT_API_URL: server.url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield server.url
    server.stop()
