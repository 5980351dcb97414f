"""What the benchmarks should reach: `targets.toml`, read and judged."""

import itertools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGETS = Path(__file__).with_name("targets.toml")
BOUNDS = ("at_least", "at_most", "below")
JUDGED = ("ours", "ratio")
KEYS = {"what", "source", "unit", "of", "for", *BOUNDS}


class TargetsError(Exception):
    """`targets.toml` holds a target that cannot be judged."""


@dataclass(frozen=True)
class Target:
    """A bound on one figure.

    `of` says which figure is judged: "ours" or "ratio". `bound` is one of `BOUNDS`, `value` its number.
    """

    name: str
    what: str
    source: str
    unit: str
    of: str
    bound: str
    value: float

    @property
    def benchmark(self) -> str:
        """The module that has to measure it."""
        return self.name.partition(".")[0]

    def met(self, record: Mapping[str, Any]) -> bool:
        """Return whether a result reaches the target; one without the figure does not.

        Examples
        --------
        >>> Target("filter.score", "", "", "s", "ratio", "at_least", 3.0).met({"ours": 0.1, "ratio": 3.2})
        True
        """
        figure = record.get(self.of)
        if figure is None:
            return False
        return bool(
            figure >= self.value
            if self.bound == "at_least"
            else figure <= self.value
            if self.bound == "at_most"
            else figure < self.value
        )

    def written(self) -> dict[str, Any]:
        """Return it as the results hold it."""
        return {"of": self.of, self.bound: self.value, "what": self.what, "source": self.source}


def load_targets(path: Path = TARGETS) -> dict[str, Target]:
    """Return the targets by name; a name with fields in braces stands for one target a combination.

    Raises
    ------
    TargetsError
        Naming the target that has no or two bounds, an unknown key, or fields without values.
    """
    return {target.name: target for target in _targets(tomllib.loads(path.read_text(encoding="utf-8")))}


def _targets(table: Mapping[str, Mapping[str, Any]]) -> Iterator[Target]:
    for pattern, entry in table.items():
        bounds = [bound for bound in BOUNDS if bound in entry]
        if len(bounds) != 1 or not entry.keys() <= KEYS or entry.get("of", "ours") not in JUDGED:
            raise TargetsError(f"{pattern}: needs one of {', '.join(BOUNDS)} and no keys but {sorted(KEYS)}")
        bound = bounds[0]
        fields = entry.get("for", {})
        for values in itertools.product(*fields.values()):
            filled = dict(zip(fields, values, strict=True))
            number = entry[bound]
            try:
                yield Target(
                    pattern.format(**filled),
                    entry["what"].format(**filled),
                    entry["source"],
                    entry["unit"],
                    entry.get("of", "ours"),
                    bound,
                    float(number[values[0]] if isinstance(number, dict) else number),
                )
            except KeyError as error:
                raise TargetsError(f"{pattern}: nothing given for {error}") from None
