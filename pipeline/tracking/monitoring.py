"""What the monitors of a desk within the day learn when a run makes its champion."""

import json
import logging
from collections.abc import Callable

import numpy as np

from pipeline.domain.errors import DataError, StoreError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.ingest.store import Dataset
from pipeline.monitor.held_out import held_out
from pipeline.monitor.reference import Reference, learn_reference
from pipeline.monitor.training import before_last_window, observations, read_by_models
from pipeline.policies.base import Policy
from pipeline.policies.checkpoint import Learned
from pipeline.policies.saved_network import LEARNED, saved_network, terms_digest
from pipeline.policies.written import restored
from pipeline.regimes.catalogue import DETECTORS

TERMS = "models/terms.json"
log = logging.getLogger(__name__)


def monitor_reference(
    desk: IntradayDesk,
    matrix: Dataset,
    signals: Dataset,
    backtest: Dataset,
    reigning: Callable[[str], Learned],
) -> Reference | None:
    """Learn what a champion's monitors compare with; None, with a warning, where the days do not suffice.

    Parameters
    ----------
    desk : settings.
    matrix, signals, backtest : datasets of the run. Of the decision grid the rows are taken that the last
        models learned from; of the signals those before the last window.
    reigning : the champion of a policy that learned; raises StoreError where there is none.
    """
    table, names = signals["signals"], read_by_models(desk, signals)
    with np.load(signals.file("models/regime.npz"), allow_pickle=False) as arrays:
        detector = DETECTORS[desk.in_steps().regimes.detector].from_arrays(dict(arrays))
    policy, desk_cost = _live(desk, backtest, reigning)
    rows = before_last_window(table)
    boundary = table.loc[table["window"] == table["window"].max(), "time"].min()
    features, fills = matrix["features"], signals["fills"]
    known = features[features["time"] < boundary]
    others = held_out(detector, known)
    try:
        seen = observations(
            desk, features, rows, fills, names, lambda day: others.get(day, detector), policy, desk_cost
        )
        return learn_reference(desk, known, names, others, seen)
    except DataError as error:
        log.warning("warning: nothing will watch for drift: %s", error)
        return None


def _live(
    desk: IntradayDesk, backtest: Dataset, reigning: Callable[[str], Learned]
) -> tuple[Policy | None, float]:
    cost = float(json.loads(backtest.read_bytes(TERMS))["desk_cost"])
    live = desk.policies.live
    fitted = f"models/{live}.json"
    if live in desk.policies.networks:
        return saved_network(desk.in_steps(), live, terms_digest(desk)), cost
    if live in LEARNED:
        try:
            return reigning(live), cost
        except StoreError as why:
            log.warning("warning: hedging errors are not watched for drift: %s", why)
            return None, cost
    return restored(json.loads(backtest.read_bytes(fitted))) if fitted in backtest.files else None, cost
