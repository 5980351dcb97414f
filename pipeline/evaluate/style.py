"""One restrained, colour-blind-safe look for every figure."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#24292f"
QUIET = "#8a939c"
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"
YELLOW = "#f0e442"
POLICY_COLOURS = {
    "none": QUIET,
    "delta_implied": BLUE,
    "whalley_wilmott": GREEN,
    "minimum_variance": ORANGE,
    "regime_switched": VERMILION,
    "regime_switched_no_regimes": PURPLE,
}

SETTINGS: dict[Any, Any] = {
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": QUIET,
    "grid.alpha": 0.22,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.4,
    "svg.fonttype": "none",
    "svg.hashsalt": "regime-hedge",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw and save figures in the house style; the process-wide settings are left as they were."""
    with mpl.rc_context(SETTINGS):
        yield


def canvas(width: float = 9.0, height: float = 4.2) -> Figure:
    """Return an empty figure of `width` × `height` inches that is not known to pyplot."""
    return Figure(figsize=(width, height), layout="constrained")


def one_axes(width: float = 9.0, height: float = 4.2) -> tuple[Figure, Axes]:
    """Return a figure with one set of axes."""
    figure = canvas(width, height)
    return figure, figure.add_subplot()


def colour_of(policy: str) -> str:
    """Return the colour of a policy; those that are not singled out are quiet.

    Examples
    --------
    >>> colour_of("regime_switched"), colour_of("leland")
    ('#d55e00', '#8a939c')
    """
    return POLICY_COLOURS.get(policy, QUIET)


def regime_colours(states: int) -> tuple[str, ...]:
    """Return one colour a regime, from the calmest in blue to the most turbulent in red.

    Examples
    --------
    >>> regime_colours(2)
    ('#56b4e9', '#d55e00')
    """
    return (*(SKY, YELLOW, ORANGE, PURPLE, GREEN)[: states - 1], VERMILION)
