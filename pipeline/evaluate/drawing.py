"""Figures as files and as drawings inside a page."""

import io
import re
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from pipeline.evaluate.style import BLUE, INK, house_style


def settle(figures: Mapping[str, Figure]) -> None:
    """Lay every figure out once and for all, so that it is not laid out anew by each file made of it.

    A figure whose layout engine is a placeholder is still drawn once more before each file: it gets none.
    """
    with house_style(), mpl.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        for figure in figures.values():
            engine = figure.get_layout_engine()
            if engine is not None:
                engine.execute(figure)
                figure.set_layout_engine(None)


def save_pictures(figures: Mapping[str, Figure], folder: Path) -> None:
    """Write each figure as `<name>.png`, the same bytes for the same figure."""
    with house_style():
        for name, figure in figures.items():
            figure.savefig(folder / f"{name}.png", metadata={"Software": None}, facecolor="white")


def inline_svg(figure: Figure, name: str) -> str:
    """Return the figure as SVG to stand inside an HTML page.

    The ink takes the colour of the page's text and blue the page's `--accent`, so that it reads on light and
    dark; ids carry the figure's name, so that several figures share a page; nothing in it points outside.
    """
    buffer = io.StringIO()
    with house_style():
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>\s*", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r'\sxmlns(:xlink)?="[^"]*"', "", drawing)
    drawing = re.sub(r'<svg\b([^>]*?)\swidth="[^"]*"', r"<svg\1", drawing, count=1)
    drawing = re.sub(r'<svg\b([^>]*?)\sheight="[^"]*"', r"<svg\1", drawing, count=1)
    drawing = drawing.replace('id="', f'id="{name}-')
    drawing = drawing.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    return drawing.replace(INK, "currentColor").replace(BLUE, "var(--accent)").strip()
