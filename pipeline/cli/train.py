"""`hedge train`: a network learns the hedge of a desk in simulated markets."""

import json
import sys
from typing import Annotated

import typer

from pipeline.cli.options import Desk, HomePath, Json
from pipeline.domain.desk import load_desk
from pipeline.domain.errors import SettingsError
from pipeline.domain.home import Home
from pipeline.domain.naming import hint

TRAINABLE = ("network_band",)
GROUPS, RATE = 8, 0.003


def train(
    desk: Desk,
    policy: Annotated[str, typer.Option(help="Which hedger learns: network_band.")] = "network_band",
    steps: Annotated[int, typer.Option(min=1, help="Steps of training.")] = 400,
    paths: Annotated[int, typer.Option(min=8, help="Simulated paths of a step.")] = 65_536,
    volatility: Annotated[
        tuple[float, float], typer.Option(help="Least and greatest annual volatility to learn for.")
    ] = (0.08, 0.8),
    seed: Annotated[int | None, typer.Option(min=0, help="By default the desk's.")] = None,
    home: HomePath = None,
    as_json: Json = False,
) -> None:
    """Train a network for a daily desk and say how the desk file names it; if interrupted, it goes on."""
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
