"""Files of a perpetual's funding, as a live desk looks at them."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from pipeline.domain.errors import DataError
from pipeline.domain.stream_terms import Terms
from pipeline.features.decision_day import FUNDING
from pipeline.ingest.formats import funding_history
from pipeline.ingest.market_tables import QUARANTINE, SCHEMAS, screened
from pipeline.ingest.raw_stream import RawStream
from pipeline.live.record_watch import Files


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
        parts: dict[str, list[pa.RecordBatch]] = {FUNDING: [], QUARANTINE: []}
        held = []
        for path in self.paths():
            stream = RawStream(path)
            for read in funding_history.read(stream, self.terms):
                for batch in screened(read, stream.name):
                    parts[batch.table].append(batch.rows)
                    if batch.table == QUARANTINE:
                        held.append(batch.rows.to_pandas().assign(file=stream.name))
        rows = pa.Table.from_batches(parts[FUNDING], schema=SCHEMAS[FUNDING]).to_pandas()
        faults = pd.concat(held, ignore_index=True) if held else pd.DataFrame({"reason": []})
        return (
            rows.drop_duplicates(["venue", "event_time"], ignore_index=True),
            faults.rename(columns={"source_row": "row"}),
        )
