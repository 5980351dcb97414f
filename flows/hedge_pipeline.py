"""The whole pipeline: market data to a tracked report."""

from prefect import flow, runtime

from flows.artifacts import show
from flows.progress import Stopwatch
from flows.stages import backtest, features, home_of, ingest, run_name, train
from pipeline.domain.desk import load_desk
from pipeline.tracking.publish import publish


@flow(name="hedge_pipeline", flow_run_name=run_name)
def hedge_pipeline(desk: str, home: str | None = None, force: bool = False) -> dict[str, str | bool]:
    """Run a desk from market data to report and MLflow run.

    Returns
    -------
    `folder` of the report, MLflow's `run_id`, and whether the run is `new` (an unchanged one is not).
    """
    watch = Stopwatch()
    with watch("ingest"):
        market = ingest(desk, home, force)
    with watch("features"):
        matrix = features(desk, home, force, market)
    with watch("train"):
        signals = train(desk, home, force, market, matrix)
    with watch("backtest"):
        results = backtest(desk, home, force, signals)
    keys = {"market": market, "features": matrix, "signals": signals, "backtest": results}
    tags = {"prefect.flow_run_id": str(runtime.flow_run.id)}
    published = publish(load_desk(desk), home_of(home), keys, watch.seconds, tags, force)
    show(published.folder)
    return {"folder": str(published.folder), "run_id": published.run_id, "new": published.new}
