import time

from flows.progress import Stopwatch


def test_seconds_by_stage():
    watch = Stopwatch()
    with watch("ingest"):
        time.sleep(0.02)
    with watch("train"):
        pass
    assert list(watch.seconds) == ["ingest", "train"]
    assert watch.seconds["ingest"] >= 0.02 > watch.seconds["train"]
