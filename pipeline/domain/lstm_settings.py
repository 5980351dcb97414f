"""Settings of the recurrent network that forecasts variances, and which forecaster the hedgers are given."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.domain.settings import Settings


class LstmSettings(Settings):
    """Long short-term memories beside the trees (extra `deep`)."""

    units: Annotated[int, Field(ge=1, le=256)] = 16
    """Cells of each network."""
    networks: Annotated[int, Field(ge=1, le=64)] = 4
    """Trained from different random starts; their answers are averaged."""
    steps: Annotated[int, Field(ge=1, le=1024)] = 60
    """Rows that a network has read before training asks it."""
    passes: Annotated[int, Field(ge=1)] = 200
    """Most passes over the training rows; training stops earlier where the held-out rows gain no more."""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 0.01


class Forecasters(Settings):
    """What is fitted beside the forecasters that always are, and which one the hedgers are given."""

    lstm: LstmSettings | None = None
    """Recurrent networks as a further forecaster of variances; None for none."""
    chosen: Literal["lightgbm", "lstm"] = "lightgbm"
    """Whose forecasts of variances the hedgers are given."""

    @model_validator(mode="after")
    def _fitted(self) -> Self:
        if self.chosen == "lstm" and self.lstm is None:
            raise ValueError("chosen is lstm, which is not fitted: add the table [forecasts.lstm]")
        return self
