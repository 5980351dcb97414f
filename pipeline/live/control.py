"""What people ask of a live desk, and what they are shown of it."""

from contextlib import AbstractContextManager, nullcontext

from pipeline.live.hedger import Decided
from pipeline.live.order_path import OrderPath


class Control:
    """Stands beside a live desk in its event loop; what it raises halts the desk. This one does nothing."""

    def beside(self, path: OrderPath) -> AbstractContextManager[None]:
        """Return what goes on from before the first event until after the last; the path is recovered."""
        return nullcontext()

    def between(self, path: OrderPath) -> None:
        """Do what was asked for meanwhile: called after every moment of the feed and after every decision."""

    def after(self, decided: Decided, path: OrderPath) -> None:
        """See a decision, when its order has been sent."""
