"""How far a desk believes its own fills about latency, half-spread and impact."""

from typing import Annotated

from pydantic import Field

from pipeline.domain.settings import Settings


class OwnCosts(Settings):
    """What own fills weigh against the desk file and the book, and which fills count."""

    prior_fills: Annotated[float, Field(gt=2, le=1e6)] = 50.0
    """Own fills that the desk file and the book weigh as much as."""
    paper: bool = False
    """Count fills of the paper venue too: for tests and drills, for they know no more than the desk file."""
