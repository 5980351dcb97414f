"""A fitted policy as MLflow serves it: market states, one a row, to a no-trade band."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from numpy.typing import NDArray

from pipeline.backtest.episodes import START_SPOT
from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import AnyDesk, desk_from_json, hedged
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.execution.terms import terms_of
from pipeline.policies.written import restored

SESSIONS_A_YEAR = 252
STEP: Final = "step"
"""Decisions since the option was dealt, for a policy that may count them or read its path."""
COLUMNS = (
    "forward", "strike", "time_to_expiry", "forward_slope", "implied_vol", "forecast_vol",
    "forecast_vol_lower", "forecast_vol_upper", "regime_vol", "cost", "cost_lower", "cost_upper",
    "spike_prob", "gap_prob", "spike_base", "gap_base",
)  # fmt: skip
ANSWER = ("lower", "upper", "to_lower", "to_upper", "speed")
"""What is answered: the edges, where to go from outside, and how much of the way in one step."""


def inputs_of(desk: Desk) -> tuple[str, ...]:
    """Return the columns of a market state: `impact` of one unit too where the desk pays it.

    Examples
    --------
    >>> plain = Desk(name="x", policies={"run": ()}, regimes={"states": 2})
    >>> inputs_of(plain)[-2:], "impact" in inputs_of(plain)
    (('regime_prob_0', 'regime_prob_1'), False)
    """
    impact = ("impact",) if desk.execution.impact else ()
    return (*COLUMNS, *impact, *(f"regime_prob_{k}" for k in range(desk.regimes.count)))


def charged_beside(settings: AnyDesk) -> dict[str, float]:
    """Return what the states of a daily desk have beside forecasts: costs, and the years of a step."""
    desk = hedged(settings)
    fixed_fee = terms_of(desk, START_SPOT).fixed_fee
    return {"desk_cost": desk.costs.one_way, "fixed_fee": fixed_fee, "interval": 1.0 / SESSIONS_A_YEAR}


def market_state(
    settings: AnyDesk, rows: pd.DataFrame, terms: Mapping[str, float] | None = None
) -> MarketState:
    """Return the market state of N rows as N episodes at one decision time.

    `terms` are those of `charged_beside`, where the desk's settings do not say them.
    """
    desk, charged = hedged(settings), terms or charged_beside(settings)

    def column(name: str) -> FloatArray:
        return rows[name].to_numpy(dtype=float)[:, None]

    columns: dict[str, Any] = {name: column(name) for name in COLUMNS}
    regimes = [f"regime_prob_{k}" for k in range(desk.regimes.count)]
    return MarketState(
        liability=Liability.of(desk.option.kind, desk.option.side),
        risk_aversion=desk.risk.aversion,
        interval=charged["interval"],
        rate=desk.market.rate,
        step=np.zeros(1, dtype=np.int64),
        price=column("forward")[..., None],
        regime_prob=rows[regimes].to_numpy(dtype=float)[:, None, :],
        desk_cost=charged["desk_cost"],
        fixed_fee=charged["fixed_fee"],
        impact=column("impact") if desk.execution.impact else 0.0,
        **columns,
    )


def along(state: MarketState, step: NDArray[np.int64]) -> MarketState:
    """Return N states of one time as N times of one path, which may hold one option after another."""
    arrays: dict[str, Any] = {
        field.name: np.swapaxes(value, 0, 1)
        for field in fields(state)
        if isinstance(value := getattr(state, field.name), np.ndarray) and field.name != STEP
    }
    return replace(state, step=step, **arrays)


class ServedPolicy(PythonModel):
    """Answers each market state with the band of the hedge position, in units of the hedge instrument.

    Inside [`lower`, `upper`] nothing is done; from outside `speed` of the way to `to_lower` or `to_upper` is
    traded: the edges and 1 for proportional cost, points inside under a fixed fee, less under impact.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Rebuild the policy from its parameters."""
        files = {name: Path(file).read_bytes() for name, file in context.artifacts.items()}
        self.desk, self.policy = desk_from_json(files["desk"]), restored(json.loads(files["parameters"]))
        self.terms = json.loads(files["terms"]) if "terms" in files else None

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return the columns `ANSWER` of every row."""
        state = market_state(self.desk, model_input, self.terms)
        if STEP in model_input:
            state = along(state, model_input[STEP].to_numpy(np.int64))
        band = self.policy.band(state).checked(self.policy.name)
        answer = {name: np.ravel(getattr(band, name)) for name in ANSWER}
        return pd.DataFrame(answer, index=model_input.index)


mlflow.models.set_model(ServedPolicy())
