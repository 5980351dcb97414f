"""The figure of what moves the forecasts."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.evaluate.style import BLUE, ORANGE, canvas, house_style

SHOWN = 8
"""Inputs a panel, the strongest."""


def forecast_importance(importance: pd.DataFrame, unit: str = "session") -> Figure:
    """Draw the mean effect of the strongest inputs on the log of each forecast, one panel a target.

    Parameters
    ----------
    importance : `target, horizon, input, linear, trees`, the last two means of absolute effects.
    unit : of the horizons.
    """
    panels = list(importance.groupby(["target", "horizon"], sort=False))
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    with house_style():
        figure = canvas(9.6, 2.6 * rows)
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, ((target, horizon), group) in zip(grid, panels, strict=False):
            strongest = group.assign(total=group["linear"] + group["trees"]).nlargest(SHOWN, "total")[::-1]
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
