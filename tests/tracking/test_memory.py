import subprocess
import sys

from pipeline.tracking import memory
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
    """In a process of its own: this one may have held gigabytes, and would have to hold more."""
    script = (
        f"import runpy\npeak = runpy.run_path({memory.__file__!r})['peak_memory_mb']\nbefore = peak()\n"
        "block = bytearray(int(before * 1.2) << 20)\ndel block\nprint(before, peak())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, after = map(float, done.stdout.split())
    assert after > before + 10
