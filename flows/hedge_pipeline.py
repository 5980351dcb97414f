"""The whole pipeline: market data to a tracked report and the models that decide from now on."""

import logging
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from prefect import flow, runtime

from flows.artifacts import show_run
from flows.datasets import home_of
from flows.failures import told
from flows.naming import run_name
from flows.progress import Stopwatch
from flows.stages import (
    backtest,
    features,
    ingest,
    learn,
    own_costs,
    positions_of,
    settings_of,
    train,
    trains,
)
from pipeline.backtest.desk_check import checked_any
from pipeline.domain.home import Home
from pipeline.monitor.shadow import FILE
from pipeline.tracking.challenge import why_they_stay
from pipeline.tracking.database import connect
from pipeline.tracking.own_costs import OWN_COSTS
from pipeline.tracking.promotion import CHALLENGER, aliased
from pipeline.tracking.publish import publish
from pipeline.tracking.registry import place_of_new, versions_of

log = logging.getLogger(__name__)


@flow(name="hedge_pipeline", flow_run_name=run_name)
@told("report")
def hedge_pipeline(
    desk: str,
    home: str | None = None,
    force: bool = False,
    latest: bool = False,
    learned: Sequence[str] = (),
    challenge: bool = False,
    anew: bool = False,
) -> dict[str, str | bool]:
    """Run a desk from market data to report and MLflow run; its models become the champions.

    Where `[promotion] approval = true` they become challengers.

    Parameters
    ----------
    desk : a shipped desk, or the path of a desk file.
    home : where data/ and mlruns/ are written.
    force : make everything again, even what has not changed.
    latest : learn and test through the newest session instead of `windows.test_end`.
    challenge : the models become challengers of the champions, see `hedge promote`; challengers that are
        still compared stay in their place, and the new ones of these models are registered alone.
    anew : they take the place of any challengers.
    learned : extras, `deep` and `rl`, whose hedgers are compared too, as they were trained for the desk.

    Returns
    -------
    `folder` of the report, MLflow's `run_id`, whether the run is `new` (an unchanged one is not), and whether
    its models are challengers because a person has to approve champions (`challenges`).
    """
    watch, learns = Stopwatch(), trains(desk)
    if learned:
        settings_of(desk, home, "", latest=False, learned=learned)  # refused before anything is learned
    with watch("ingest"):
        market = ingest(desk, home, force)
        positions_of(desk, home, force, market, latest)
    with watch("features"):
        matrix = features(desk, home, force, market)
    with watch("train"):
        signals = train(desk, home, force, market, matrix, latest)
    trained = None
    if learns:
        with watch("learn"):
            trained = learn(desk, home, force, signals)
    with watch("backtest"):
        results = backtest(desk, home, force, signals, latest, learned, trained)
    keys = {"market": market, "features": matrix, "signals": signals, "backtest": results}
    if challenge and (learned_costs := own_costs(desk, home, force, market, matrix)):
        keys[OWN_COSTS] = learned_costs
    tags = {"prefect.flow_run_id": str(runtime.flow_run.id)}
    settings = settings_of(desk, home, market, latest, learned, trained)
    place = home_of(home)
    client = connect(place.mlruns)
    alias = CHALLENGER if challenge else place_of_new(settings)
    staying = _staying(desk, place) if challenge and not anew else ()
    published = publish(settings, place, keys, watch.seconds, tags, force, alias, trained or {}, staying)
    show_run(published)
    waiting = aliased(client, settings.name, CHALLENGER).items()
    challenges = not challenge and bool(waiting & versions_of(client, published.run_id).items())
    told = {"folder": str(published.folder), "run_id": published.run_id}
    return {**told, "new": published.new, "challenges": challenges}


def _staying(desk: str, place: Home) -> Collection[str]:
    """Return the models whose challengers a retrain leaves in their place."""
    settings = checked_any(desk)
    evidence = place.data / "live" / settings.name / FILE
    found = why_they_stay(place.mlruns, evidence, settings, datetime.now(UTC))
    for model, why in found.items():
        log.info("the challenger %s stays in its place: %s", model, why)
    return set(found)


weekly_retrain = hedge_pipeline.with_options(name="weekly_retrain")
"""The pipeline under the name of its schedule."""

retrain = hedge_pipeline.with_options(name="retrain")
"""The pipeline under the name of what an alarm starts: with `challenge`, its models have to win first."""
