"""What desks on files as they are shipped have in common."""

from pathlib import Path
from typing import Self

from pydantic import model_validator

from pipeline.domain.data_folder import FolderOfFiles
from pipeline.domain.desk import DeskName, PolicySettings, RegimeSettings
from pipeline.domain.settings import Settings


class FolderDesk(Settings):
    """A desk whose data is a folder of files."""

    name: DeskName
    description: str = ""
    seed: int = 7
    data: FolderOfFiles

    @model_validator(mode="after")
    def _mapped(self) -> Self:
        policies, regimes = (getattr(self, name, None) for name in ("policies", "regimes"))
        if isinstance(policies, PolicySettings) and isinstance(regimes, RegimeSettings):
            object.__setattr__(self, "policies", policies.mapped(regimes))
        return self

    def located(self, folder: Path) -> Self:
        """Return the desk with the folder of its data made absolute, seen from `folder`; a URL stays."""
        named = self.data.folder
        if named is None or "://" in named:
            return self
        place = str((folder / Path(named).expanduser()).resolve())
        return self.model_copy(update={"data": self.data.model_copy(update={"folder": place})})
