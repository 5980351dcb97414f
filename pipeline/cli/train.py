"""`hedge train`: regimes and forecasts of a desk, or a hedger that learns, simulated or on stored days."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from pipeline.cli.options import DataFolder, Desk, Force, HomePath, Json, RunnerOption, StoreUrl
from pipeline.cli.run import WAITS, stage
from pipeline.cli.running import prepared
from pipeline.domain.desk_file import AnyDesk, SimulatedDesk, StoringDesk, load_any
from pipeline.domain.errors import SettingsError
from pipeline.domain.home import Home
from pipeline.learning.known_market import KnownMarket
from pipeline.learning.learners import LEARNERS, ON_PROCESSOR, begun, chosen_device
from pipeline.learning.order import Order
from pipeline.learning.stored_learners import STORED_LEARNERS

if TYPE_CHECKING:
    from pipeline.deep.trainer import Trainer

VOLATILITIES = (0.08, 0.8)
LEARN = ", ".join(dict.fromkeys((*LEARNERS, *STORED_LEARNERS)))
DEVICES = {"cpu": "on the processor", "cuda": "on a GPU"}


def train(
    desk: Desk,
    policy: Annotated[
        str | None,
        typer.Option(help=f"A hedger that learns, instead of regimes and forecasts: {LEARN}."),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps, or an agent's lives.")] = None,
    paths: Annotated[int | None, typer.Option(min=8, help="Paths of a step, a multiple of 8.")] = None,
    volatility: Annotated[
        tuple[float, float] | None, typer.Option(help="Annual volatilities to learn for, else .08 to .8.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of training, else the desk's.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Of training at its start, else the policy's own.")
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"] | None,
        typer.Option(help="Where a hedger learns: auto, the default, takes a GPU if it gains from one."),
    ] = None,
    home: HomePath = None,
    force: Force = False,
    as_json: Json = False,
    data: DataFolder = None,
    runner: RunnerOption = None,
    store: StoreUrl = None,
) -> None:
    """Learn regimes and forecasts walk-forward, after what they need; with --policy a hedger instead.

    A hedger learns in simulated markets, within the day on the desk's stored days; network_slope, of desks
    on option chains, from their quotes. A training that was interrupted goes on.
    """
    learning = {
        "--steps": steps, "--paths": paths, "--volatility": volatility, "--seed": seed,
        "--learning-rate": learning_rate, "--device": device,
    }  # fmt: skip
    walking = {"--force": force or None, "--data": data, "--runner": runner, "--store": store}
    if policy is None:
        _refuse(learning, f"goes with --policy, which names the hedger that learns: {LEARN}")
        stage("train")(desk, home, force, as_json, data, runner, store)
        return
    _positive("--learning-rate", () if learning_rate is None else (learning_rate,))
    _positive("--volatility", volatility or ())
    from pipeline.policies.learns import STORED, learns_from

    settings = load_any(desk)
    if learns_from(settings, policy) == STORED:
        assert isinstance(settings, StoringDesk)
        _refuse(
            {"--volatility": volatility}, f"goes with simulated markets: {policy} learns from what is stored"
        )
        if device == "cuda":
            raise SettingsError(f"device cuda: {ON_PROCESSOR.format(policy=policy)}")
        from pipeline.cli.train_stored import stored_trainer

        place = prepared(desk, home, data, runner, store)
        trainer = stored_trainer(desk, settings, place, force, policy, steps, paths, seed, learning_rate)
        _train_hedger(settings, desk, policy, trainer, "cpu", place, as_json)
        return
    _refuse(walking, f"goes without --policy {policy}, which learns in simulated markets")
    assert isinstance(settings, SimulatedDesk)
    learner = LEARNERS[policy]
    order = Order(
        steps=steps or learner.steps,
        markets=paths or learner.markets,
        known=KnownMarket(volatility=volatility or VOLATILITIES),
        seed=settings.seed if seed is None else seed,
        rate=learning_rate,
        device=chosen_device(policy, device or "auto"),
    )
    trainer = begun(policy, settings, order)
    until = learner.told_until
    if until is not None and settings.windows.test_start <= until:
        print(
            f"{policy} learns regimes of the S&P 500 until {until}, and this desk is tested from "
            f"{settings.windows.test_start}: for a test that it has not seen let the run train it, "
            "[policies.train]",
            file=sys.stderr,
        )
    _train_hedger(settings, desk, policy, trainer, order.device, Home.find(home), as_json)


def _positive(option: str, values: Sequence[float]) -> None:
    """Raise where one of the numbers of an option is not positive and finite."""
    for value in values:
        if not 0.0 < value < math.inf:
            raise SettingsError(f"{option} {value:g}: give a positive number")


def _refuse(options: Mapping[str, object], why: str) -> None:
    """Raise for the first option that was given."""
    for name, value in options.items():
        if value is not None:
            raise SettingsError(f"{name} {why}")


def _train_hedger(
    desk: AnyDesk,
    named: str,
    policy: str,
    trainer: "Trainer[Any]",
    device: str,
    home: Home,
    as_json: bool,
) -> None:
    from pipeline.deep.training import train as train_hedger
    from pipeline.policies.saved_network import keep_network, networks
    from pipeline.tracking.learning import tracked_training
    from pipeline.tracking.promotion import CHALLENGER

    unfinished = networks(home) / f"{desk.name}-{policy}.npz"
    if unfinished.exists():
        print(f"a training was interrupted: going on from {unfinished}", file=sys.stderr)
    facts, steps = trainer.facts(), trainer.plan.steps
    with tracked_training(home, desk.name, policy, facts) as curve, _bar(policy, steps) as show:

        def report(step: int, risk: float) -> None:
            show(step, risk)
            curve(step, risk)

        found = train_hedger(trainer, unfinished, report)
        curve.complete(found.history)
        file = keep_network(home, desk.name, policy, unfinished.read_bytes())
        version = curve.keep(desk, policy, file)
        alias = curve.place(desk, policy, version)
        unfinished.unlink()
        reigns = curve.champion(desk, policy)
    before, after = found.history[0][1], trainer.reached
    if as_json:
        told = {"network": file.name, "untrained": before, "trained": after, "gained": bool(alias)}
        told |= {"version": version, "alias": alias or None, "champion": reigns or None, "device": device}
        print(json.dumps(told))
        return
    print(f"risk {before:.5f} untrained, {after:.5f} trained {DEVICES[device]}; written to {file}")
    inside = f'[policies.networks] {policy} = "{file.name}", and {policy} in run'
    model, extra = f"{desk.name}.{policy}", _extra(policy)
    if not alias:
        stays = f"version {reigns} stays its champion" if reigns else "it has no champion"
        print("training gained nothing: take more --steps or --paths, or another --learning-rate")
        print(f"registered in MLflow as {model}, version {version}, without an alias: {stays}")
        print(
            f"--with {extra} leaves it out; to hedge with it nevertheless name it in the desk file: {inside}"
        )
        return
    print(f"registered in MLflow as {model}, version {version}, the {alias}")
    if alias == CHALLENGER:
        print(f"{WAITS.format(desk=named)} --model {policy}")
    print(f"name it in the desk file: {inside},")
    print(f"or let hedge run find it: --with {extra}")


def _extra(policy: str) -> str:
    from pipeline.policies.saved_network import EXTRAS

    return next(extra for extra, policies in EXTRAS.items() if policy in policies)


@contextmanager
def _bar(policy: str, steps: int) -> Iterator[Callable[[int, float], None]]:
    """Show a bar on stderr, with a line for every validation above it."""
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(policy, total=steps)

        def show(step: int, risk: float) -> None:
            progress.update(task, completed=step)
            progress.console.print(
                f"step {step} of {steps}: risk {risk:.5f} on paths of its own", highlight=False
            )

        yield show
