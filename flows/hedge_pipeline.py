"""The whole pipeline: market data to a tracked report and the models that decide from now on."""

from collections.abc import Sequence

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
from pipeline.tracking.own_costs import OWN_COSTS
from pipeline.tracking.publish import publish


@flow(name="hedge_pipeline", flow_run_name=run_name)
@told("report")
def hedge_pipeline(
    desk: str,
    home: str | None = None,
    force: bool = False,
    latest: bool = False,
    learned: Sequence[str] = (),
    challenge: bool = False,
) -> dict[str, str | bool]:
    """Run a desk from market data to report and MLflow run; its models become the champions.

    Parameters
    ----------
    desk : a shipped desk, or the path of a desk file.
    home : where data/ and mlruns/ are written.
    force : make everything again, even what has not changed.
    latest : learn and test through the newest session instead of `windows.test_end`.
    challenge : the models become challengers of the champions, see `hedge promote`.
    learned : extras, `deep` and `rl`, whose hedgers are compared too, as they were trained for the desk.

    Returns
    -------
    `folder` of the report, MLflow's `run_id`, and whether the run is `new` (an unchanged one is not).
    """
    watch = Stopwatch()
    if learned and not trains(desk):
        settings_of(desk, home, "", latest=False, learned=learned)  # refused before anything is learned
    with watch("ingest"):
        market = ingest(desk, home, force)
        positions_of(desk, home, force, market, latest)
    with watch("features"):
        matrix = features(desk, home, force, market)
    with watch("train"):
        signals = train(desk, home, force, market, matrix, latest)
    trained = None
    if trains(desk):
        with watch("learn"):
            trained = learn(desk, home, force, signals)
    with watch("backtest"):
        results = backtest(desk, home, force, signals, latest, learned, trained)
    keys = {"market": market, "features": matrix, "signals": signals, "backtest": results}
    if challenge and (learned_costs := own_costs(desk, home, force, market, matrix)):
        keys[OWN_COSTS] = learned_costs
    tags = {"prefect.flow_run_id": str(runtime.flow_run.id)}
    settings = settings_of(desk, home, market, latest, learned, trained)
    published = publish(settings, home_of(home), keys, watch.seconds, tags, force, challenge)
    show_run(published)
    return {"folder": str(published.folder), "run_id": published.run_id, "new": published.new}


weekly_retrain = hedge_pipeline.with_options(name="weekly_retrain")
"""The pipeline under the name of its schedule."""

retrain = hedge_pipeline.with_options(name="retrain")
"""The pipeline under the name of what an alarm starts: with `challenge`, its models have to win first."""
