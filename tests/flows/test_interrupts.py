import subprocess
import sys

SWALLOWED = """
import os, signal
from flows import interrupts
from flows.progress import Stopwatch

class Deaf:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass

interrupts.remember()
with Stopwatch()("stage"):
    Deaf()
    print("went on", flush=True)
print("not reached")
"""


def test_a_ctrl_c_lost_in_a_destructor_ends_the_run_after_its_stage(environment):
    done = subprocess.run([sys.executable, "-c", SWALLOWED], env=environment, capture_output=True, text=True)
    assert "went on" in done.stdout
    assert "not reached" not in done.stdout
    assert done.returncode != 0
    assert "KeyboardInterrupt" in done.stderr
