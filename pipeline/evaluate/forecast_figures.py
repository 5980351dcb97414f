"""The figure of what moves the forecasts."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.evaluate.style import BLUE, ORANGE, canvas, house_style

SHOWN = 8
"""Inputs a panel, the strongest."""


def forecast_importance(importance: pd.DataFrame, unit: str = "session", named: Sequence[str] = ()) -> Figure:
    """Draw the mean effect of the strongest inputs on the log of each forecast, one panel a target.

    Parameters
    ----------
    importance : `target, horizon, input, linear, trees`, the last two means of absolute effects.
    unit : of the horizons.
    named : inputs that are drawn however weak they are.
    """
    panels = list(importance.groupby(["target", "horizon"], sort=False))
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    with house_style():
        figure = canvas(9.6, 2.6 * rows)
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, ((target, horizon), group) in zip(grid, panels, strict=False):
            ordered = group.assign(total=group["linear"] + group["trees"]).sort_values("total")
            strongest = ordered[
                (np.arange(len(ordered)) >= len(ordered) - SHOWN) | ordered["input"].isin(named)
            ]
            places = np.arange(len(strongest))
            linear = 100 * strongest["linear"].to_numpy()
            axes.barh(places, linear, color=BLUE, label="linear start")
            axes.barh(places, 100 * strongest["trees"], left=linear, color=ORANGE, label="trees")
            axes.set_yticks(places, labels=list(strongest["input"]), fontsize=7)
            axes.set_title(f"{target}, {horizon} {unit if horizon == 1 else f'{unit}s'}")
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        grid[0].legend(loc="lower right", fontsize=7)
        figure.supxlabel("Mean effect on the forecast (log, %; log-odds of an event)", fontsize=9)
    return figure
