"""What all settings of a desk file have in common."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen settings in which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
