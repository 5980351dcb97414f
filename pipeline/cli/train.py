"""`hedge train`: regimes and forecasts of a desk, or a network that learns its hedge in simulated markets."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DataFolder, Desk, Force, HomePath, Json, RunnerOption, StoreUrl
from pipeline.cli.run import stage
from pipeline.domain.desk import load_desk
from pipeline.domain.errors import SettingsError
from pipeline.domain.home import Home
from pipeline.domain.naming import hint

TRAINABLE = ("network_band",)
STEPS, PATHS, GROUPS, RATE = 400, 65_536, 8, 0.003
VOLATILITIES = (0.08, 0.8)


def train(
    desk: Desk,
    policy: Annotated[
        str | None, typer.Option(help="A hedger that learns, instead of regimes and forecasts: network_band.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help=f"Steps of training, else {STEPS}.")] = None,
    paths: Annotated[int | None, typer.Option(min=8, help=f"Paths of a step, else {PATHS}.")] = None,
    volatility: Annotated[
        tuple[float, float] | None, typer.Option(help="Annual volatilities to learn for, else .08 to .8.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of training, else the desk's.")] = None,
    home: HomePath = None,
    force: Force = False,
    as_json: Json = False,
    data: DataFolder = None,
    runner: RunnerOption = None,
    store: StoreUrl = None,
) -> None:
    """Learn regimes and forecasts walk-forward, after what they need; with --policy a hedger instead.

    A hedger learns in simulated markets; a training that was interrupted goes on.
    """
    learning = {"--steps": steps, "--paths": paths, "--volatility": volatility, "--seed": seed}
    walking = {"--force": force or None, "--data": data, "--runner": runner, "--store": store}
    if policy is None:
        _refuse(learning, f"goes with --policy, which names the hedger that learns: {', '.join(TRAINABLE)}")
        stage("train")(desk, home, force, as_json, data, runner, store)
        return
    _refuse(walking, "goes without --policy: a hedger learns in simulated markets")
    _train_hedger(
        desk, policy, steps or STEPS, paths or PATHS, volatility or VOLATILITIES, seed, home, as_json
    )


def _refuse(options: Mapping[str, object], why: str) -> None:
    """Raise for the first option that was given."""
    for name, value in options.items():
        if value is not None:
            raise SettingsError(f"{name} {why}")


def _train_hedger(
    desk: str,
    policy: str,
    steps: int,
    paths: int,
    volatility: tuple[float, float],
    seed: int | None,
    home: Path | None,
    as_json: bool,
) -> None:
    if policy not in TRAINABLE:
        raise SettingsError(
            f"--policy {policy} does not learn from simulated markets; {hint(policy, TRAINABLE)}"
        )
    settings = load_desk(desk)
    from pipeline.deep.desk_task import task_of
    from pipeline.deep.plan import TrainingPlan
    from pipeline.deep.training import train as trained
    from pipeline.policies.saved_network import content_name, networks, terms_digest

    plan = TrainingPlan(
        learning_rate=RATE,
        steps=steps,
        paths=paths,
        groups=GROUPS,
        seed=settings.seed if seed is None else seed,
    )
    folder = networks(Home.find(home))
    unfinished = folder / f"{settings.name}.npz"

    def report(step: int, risk: float) -> None:
        print(f"step {step} of {steps}: risk {risk:.5f} on paths of its own", file=sys.stderr, flush=True)

    found = trained(task_of(settings, volatility), plan, unfinished, report, terms_digest(settings))
    name = content_name(settings.name, unfinished.read_bytes())
    unfinished.replace(folder / name)
    before, after = found.history[0][1], found.history[-1][1]
    if as_json:
        print(json.dumps({"network": name, "untrained": before, "trained": after}))
    else:
        print(f"risk {before:.5f} untrained, {after:.5f} trained; written to {folder / name}")
        print(f'name it in the desk file: [policies] network = "{name}", and network_band in run')
