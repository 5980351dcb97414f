"""Errors a user can act on: one line that names the place, the fault and the remedy."""


class HedgeError(Exception):
    """A fault that the user can mend; the command line prints it as one line and exits with 1."""


class SettingsError(HedgeError):
    """A desk file is missing, unreadable or holds a wrong key or value."""


class DataError(HedgeError):
    """Market data is missing, malformed or does not cover what the desk asks for."""


class NoRowsError(DataError):
    """A file has a header, or nothing, and no rows."""


class FitError(HedgeError):
    """A model or policy could not be fitted on the training rows that it was given."""


class PolicyError(HedgeError):
    """A policy has no answer in this market state."""


class StoreError(HedgeError):
    """A dataset is missing from the store or damaged."""


class OrderError(HedgeError):
    """An order or a report of one says what cannot be."""


class JournalError(HedgeError):
    """The journal of a live desk cannot be opened, read or written: whoever meets this halts."""


class GatewayError(HedgeError):
    """A market cannot be reached, or answers what cannot be read."""


class FeedError(HedgeError):
    """What a live desk is told of the market cannot be taken in or kept."""


class RiskError(HedgeError):
    """What is asked of the risk state is not allowed."""


class StageError(HedgeError):
    """A stage of a run failed; the message names stage and desk before the fault and the remedy."""

    def __init__(self, message: str, stage: str) -> None:
        super().__init__(message)
        self.stage = stage
