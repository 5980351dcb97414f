import subprocess
import sys

from pipeline.tracking.memory import peak_memory_mb


def test_a_living_child_counts_and_an_ended_one_does_not():
    before = peak_memory_mb()
    script = "block = bytearray(80 << 20)\nprint('ready', flush=True)\ninput()"
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline().strip() == "ready"
    during = peak_memory_mb()
    child.communicate("\n", timeout=30)
    assert 80 <= during - before < 200
    assert peak_memory_mb() - before < 40


def test_memory_that_was_freed_still_counts():
    before = peak_memory_mb()
    block = bytearray(int(before * 1.2) << 20)
    size = len(block) >> 20
    del block
    assert peak_memory_mb() > min(before + 10, size)
