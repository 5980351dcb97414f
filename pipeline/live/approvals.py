"""What a person is asked about an order beyond the desk's soft limits, and what is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LINE = r"^\s*\S[^\r\n]*$"


class Verdict(StrEnum):
    """What a person may say."""

    APPROVE = "approve"
    REDUCE = "reduce"
    REJECT = "reject"


class Answer(BaseModel):
    """The form that a person fills in."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"verdict": {"const": "reduce"}}},
            "then": {"required": ["quantity"], "properties": {"quantity": {"type": "number"}}},
        },
    )

    verdict: Verdict
    person: Annotated[str, Field(pattern=LINE, max_length=100, description="Who decides, for the audit.")]
    reason: Annotated[str, Field(pattern=LINE, max_length=500, description="Why, for the audit.")]
    quantity: Annotated[
        float | None, Field(gt=0, description="To reduce: the units that may be traded at most, unsigned.")
    ] = None

    @model_validator(mode="after")
    def _reduced_to(self) -> Self:
        if self.verdict is Verdict.REDUCE and self.quantity is None:
            raise ValueError("to reduce needs a quantity")
        return self

    def permits(self, units: float) -> float:
        """Return the part of an order that may be sent.

        Examples
        --------
        >>> told = {"person": "ada", "reason": "thin book"}
        >>> [Answer(verdict=verdict, quantity=2, **told).permits(5.0) for verdict in Verdict]
        [5.0, 2.0, 0.0]
        """
        most = {Verdict.APPROVE: abs(units), Verdict.REDUCE: self.quantity or 0.0, Verdict.REJECT: 0.0}
        left = min(abs(units), most[self.verdict])
        return left if units > 0.0 else -left


class Asked(Protocol):
    """What is put before people."""

    @property
    def request(self) -> str:
        """Its id, once and for all."""
        ...

    @property
    def told(self) -> str:
        """The whole question in words."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """An order that is held: its request's id, what would be traded, why a person is asked, and until when.

    Attributes
    ----------
    request : of the desk's, once and for all.
    at, deadline : ns since 1970 UTC on the desk's clock.
    units : signed, as far as the hard limits allow.
    mid : of the market when it was asked.
    why : the soft limits that it is beyond.
    """

    request: str
    instrument: str
    units: float
    mid: float
    at: int
    deadline: int
    why: str

    @property
    def order(self) -> str:
        """Return the order in words."""
        side = "buy" if self.units > 0.0 else "sell"
        return f"{side} {abs(self.units):g} {self.instrument} at about {self.mid:g}"

    @property
    def told(self) -> str:
        """Return the whole question in words."""
        return f"{self.order}, beyond a soft limit: {self.why}"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that came, to which request; what came and is none is `answer` None, and `fault` says why."""

    request: str
    answer: Answer | None
    fault: str = ""


class Approvals(Protocol):
    """Where people are asked. Nothing waits: questions are handed over, and answers fetched that have come.

    Attributes
    ----------
    fault : why nobody can be asked at the moment; empty while people can.
    """

    fault: str

    def ask(self, question: Question) -> None:
        """Put a question before people, until its deadline; one that they have already is not put twice."""
        ...

    def answers(self) -> Sequence[Answered]:
        """Return the answers that have come since the last call."""
        ...

    def close(self, request: str, why: str) -> None:
        """Take a question back: it is answered, or too late to be."""
        ...

    def told(self) -> Mapping[str, str]:
        """Return to any thread how the open question `stands`, its `page`, and the `fault`; or ""."""
        ...


class Nobody:
    """Nobody is asked, and so nothing is permitted.

    Parameters
    ----------
    fault : why there is nobody.
    """

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def ask(self, question: Question) -> None:
        """Ask nobody."""

    def answers(self) -> Sequence[Answered]:
        """Return none."""
        return ()

    def close(self, request: str, why: str) -> None:
        """Take nothing back."""

    def told(self) -> Mapping[str, str]:
        """Return the fault."""
        return {"stands": "", "page": "", "fault": self.fault}
