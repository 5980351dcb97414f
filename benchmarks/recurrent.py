"""A recurrent forecaster as plain numbers: what a decision takes, PyTorch's numbers, how far it remembers.

The networks are those of `forecasts.lstm` as they ship, trained on the realised measures before the first
forecast of `benchmarks.volatility`. A live decision standardises one row, moves the carried memory one step
on and corrects the linear forecast. What it would take to read the last 60 rows from nothing each time is
timed beside it, and so is how far its forecast would be from the one with the memory carried.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from benchmarks.measurement import Measurement
from benchmarks.shared_data import shared
from benchmarks.timing import clocked, interleaved
from benchmarks.volatility_models import FIRST_FORECAST, NETWORK, ahead, inputs, market, smeared
from pipeline.forecasts.lstm_network import LstmNetwork
from pipeline.forecasts.lstm_training import learn, standardised

ROUNDS, DECISIONS, WINDOW = 60, 100, 60


def measure() -> Iterator[Measurement]:
    """Time a decision, compare with PyTorch, and forget all but the last 60 rows."""
    network, rows = trained()
    some = rows[: WINDOW + DECISIONS - 1]
    seconds = interleaved(
        {
            "step": clocked(lambda: streamed(network, rows[:DECISIONS])),
            "window": clocked(lambda: windowed(network, some)),
        },
        ROUNDS,
    )
    step, window = (1e6 * seconds[name].best / DECISIONS for name in ("step", "window"))
    size = {"networks": NETWORK.networks, "units": NETWORK.units, "inputs": rows.shape[1]}
    print(f"a decision: {step:.1f} µs in one step, {window:.1f} µs through the last {WINDOW} rows")
    yield Measurement("recurrent.decision", "µs", step, detail=size)
    yield Measurement("recurrent.window", "µs", window, detail={"rows": WINDOW})
    answers = network(rows)
    apart = float(np.abs(answers - by_pytorch(network, rows)).max())
    print(f"greatest difference from PyTorch on {len(rows)} rows: {apart:.1e} of the logarithm")
    yield Measurement("recurrent.difference", "log", apart, detail={"rows": len(rows)})
    forgot = 100.0 * np.abs(answers[WINDOW - 1 :] - windowed(network, rows))
    mean, most = float(forgot.mean()), float(forgot.max())
    print(f"from the last {WINDOW} rows alone: {mean:.2f} % away on average, {most:.1f} % at most")
    yield Measurement("recurrent.forgotten", "%", mean, detail={"most": most})


def trained() -> tuple[LstmNetwork, np.ndarray]:
    """Networks one session ahead, and the rows of all sessions."""
    shared("realized"), shared("volatility_indices"), shared("daily")
    data = market(shared())
    X, y = inputs(data), ahead(data, 1)
    rows, start = np.column_stack([X["L"], X["trees"]]), X["L"]
    known = np.isfinite(start).all(axis=1)
    learned = slice(0, FIRST_FORECAST)
    linear = np.log(smeared(start[learned][known[learned]], y[learned][known[learned]])(start[learned]))
    return learn(rows[learned], linear, y[learned], 1, NETWORK, seed=7), rows


def streamed(network: LstmNetwork, rows: np.ndarray) -> float:
    """Take decision after decision, one row each; return the last forecast over its linear start."""
    memory, ratio = network.empty(), 1.0
    for t in range(len(rows)):
        ratio = float(np.exp(network.step(rows[t : t + 1], memory)[0]))
    return ratio


def windowed(network: LstmNetwork, rows: np.ndarray) -> np.ndarray:
    """Answers that read the last `WINDOW` rows from nothing."""
    return np.array([network(rows[t : t + WINDOW])[-1] for t in range(len(rows) - WINDOW + 1)])


def by_pytorch(network: LstmNetwork, rows: np.ndarray) -> np.ndarray:
    """The same answers by PyTorch's own layers, in single precision as they were trained."""
    z = standardised(rows, network.mean, network.rate)
    total = np.zeros(len(z))
    for k in range(len(network.constant)):
        lstm = nn.LSTM(z.shape[1], network.answer.shape[1], batch_first=True)
        weights = network.weight[k].T, network.recurrent[k].T, network.bias[k], 0.0 * network.bias[k]
        with torch.no_grad():
            for own, value in zip(lstm.parameters(), weights, strict=True):
                own.copy_(torch.from_numpy(np.ascontiguousarray(value)))
            read = lstm(torch.from_numpy(z).float()[None])[0][0].double().numpy()
        total += read @ network.answer[k] + network.constant[k]
    return total / len(network.constant)
