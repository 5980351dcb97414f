"""Files of a perpetual's funding, as a live desk looks at them."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa

from pipeline.domain.errors import DataError
from pipeline.domain.stream_terms import Terms
from pipeline.features.decision_day import FUNDING
from pipeline.ingest.formats import funding_history
from pipeline.ingest.market_tables import QUARANTINE, SCHEMAS, screened
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.unchanged import Unchanged
from pipeline.live.record_watch import Files

Found = tuple[list[pa.RecordBatch], list[pd.DataFrame]]
KEPT: Final[Unchanged[Found]] = Unchanged()
"""Of the process that reads: what it has read."""


@dataclass(frozen=True)
class FundingFiles(Files):
    """Funding histories among the files of a market; see `record_watch.Files`.

    Attributes
    ----------
    folder : of the market, here.
    patterns : of `data.files`, those that stand for such a file.
    terms : on which they are read.
    """

    folder: str
    patterns: tuple[str, ...]
    terms: Terms

    def paths(self) -> list[str]:
        """Return those that there are now.

        Raises
        ------
        DataError
            There is none.
        """
        found = sorted(
            str(path)
            for pattern in self.patterns
            for path in Path(self.folder).glob(pattern)
            if funding_history.recognises(path.name, RawStream(str(path)).head())
        )
        if not found:
            raise DataError(f"{self.folder}: no funding history as data.files names it: look at the folder")
        return found

    def load(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return each settlement once, and the rows in quarantine.

        Raises
        ------
        DataError
            A file cannot be read.
        """
        terms = self.terms.model_dump_json()
        told = KEPT.read({(path, terms): partial(self._read, path) for path in self.paths()})
        batches = [batch for settled, _ in told for batch in settled]
        held = [each for _, faults in told for each in faults]
        rows = pa.Table.from_batches(batches, schema=SCHEMAS[FUNDING]).to_pandas()
        faults = pd.concat(held, ignore_index=True) if held else pd.DataFrame({"reason": []})
        return (
            rows.drop_duplicates(["venue", "event_time"], ignore_index=True),
            faults.rename(columns={"source_row": "row"}),
        )

    def _read(self, path: str) -> Found:
        """Return settlements of a file, and its rows in quarantine."""
        stream, found = RawStream(path), (list[pa.RecordBatch](), list[pd.DataFrame]())
        for read in funding_history.read(stream, self.terms):
            for batch in screened(read, stream.name):
                if batch.table == QUARANTINE:
                    found[1].append(batch.rows.to_pandas().assign(file=stream.name))
                else:
                    found[0].append(batch.rows)
        return found
