"""A report as a list of sections, of which every kind of desk composes its own, and the page made of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from pipeline.evaluate.drawing import inline_svg
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.sheets import Sheet
from pipeline.evaluate.verdicts import Verdict


@dataclass(frozen=True)
class Picture:
    """A figure under the name of its file, and what it shows."""

    name: str
    figure: Figure
    caption: str


@dataclass(frozen=True)
class Pair:
    """Two pictures side by side where the page is wide enough."""

    pictures: tuple[Picture, Picture]


@dataclass(frozen=True)
class Terms:
    """Names and what they stand for; `codes` are keys and versions, set as code."""

    lines: tuple[tuple[str, str], ...]
    codes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Section:
    """A heading, a sentence, and what stands below it in turn; sections may hold sections."""

    anchor: str
    title: str
    items: "tuple[Item, ...]"
    lead: str = ""


Item: TypeAlias = Sheet | Picture | Pair | Terms | Section


@dataclass(frozen=True)
class Report:
    """What is said of one run.

    Attributes
    ----------
    name, description : of the desk.
    period : first and last start of the tested episodes, in words.
    tested : what the rows are called on which nothing was chosen.
    facts : the few numbers at the top.
    said : what has to be said before any verdict.
    verdicts : plain-words answers.
    sections : the rest; empty ones are left out.
    record : of the run.
    summary : what `summary.json` holds.
    opening : what stands before the period.
    closing : what the reader of the numbers has to keep in mind, at the foot of the page.
    """

    name: str
    description: str
    period: str
    tested: str
    facts: tuple[tuple[str, str], ...]
    said: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    sections: tuple[Section, ...]
    record: RunRecord
    summary: Mapping[str, Any]
    closing: str
    opening: str = "Out-of-sample episodes that start"

    @property
    def figures(self) -> dict[str, Figure]:
        """The figure of every picture, by name."""
        return {picture.name: picture.figure for picture in _pictures(self.sections)}


def section(
    anchor: str, title: str, items: Sequence[Item | None], lead: str = "", bare: bool = False
) -> Section | None:
    """Return a section of what is there: sheets without rows are left out; None if nothing is left.

    `bare` keeps a section that has nothing but its lead.

    Examples
    --------
    >>> section("more", "More", [Sheet("a", "A", "", (), ()), None]) is None
    True
    """
    kept = tuple(
        item for item in items if item is not None and not (isinstance(item, Sheet) and not item.rows)
    )
    return Section(anchor, title, kept, lead) if kept or bare else None


def rendered(report: Report) -> str:
    """Return the report as one HTML page without a reference to anything outside it."""
    environment = Environment(
        loader=PackageLoader("pipeline.evaluate", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["form"] = lambda item: type(item).__name__
    environment.filters["drawing"] = lambda picture: inline_svg(picture.figure, picture.name)
    return environment.get_template("report.html.j2").render(report=report)


def _pictures(items: Sequence[Item]) -> Iterator[Picture]:
    for item in items:
        if isinstance(item, Picture):
            yield item
        elif isinstance(item, Pair):
            yield from item.pictures
        elif isinstance(item, Section):
            yield from _pictures(item.items)
