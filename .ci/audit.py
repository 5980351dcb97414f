"""Known vulnerabilities of what requirements.lock pins, by pip-audit; says so where advisories cannot be had.

python .ci/audit.py

Exit code 0: none is known but those that are accepted below, or nobody could be asked, which is printed.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
AUDIT = (sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off")
ACCEPTED: dict[str, str] = {}
"""Advisories that do not concern us, each with the reason."""


def unreachable(pin: str) -> str:
    """Return why advisories cannot be had of a pinned package; empty if they can.

    Behind a mirror without advisories pip-audit leaves out every package and says that all is well.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as one:
        one.write(pin)
        one.flush()
        told = subprocess.run(
            [*AUDIT, "-f", "json", "-r", one.name], check=False, capture_output=True, text=True, timeout=300
        )
    try:
        (found,) = json.loads(told.stdout)["dependencies"]
    except (ValueError, KeyError):
        return (told.stderr.strip().splitlines() or ["pip-audit says nothing"])[-1]
    return str(found.get("skip_reason", ""))


def main() -> int:
    """Ask, and return pip-audit's exit code; 0 where nobody can be asked."""
    pins = [line for line in LOCK.read_text(encoding="utf-8").split() if "==" in line]
    if why := unreachable(next(pin for pin in pins if pin.startswith("jinja2=="))):
        print(f"pip-audit SKIPPED, nothing is known of vulnerabilities: {why}")
        return 0
    for advisory, reason in ACCEPTED.items():
        print(f"accepted {advisory}: {reason}")
    ignored = [part for advisory in ACCEPTED for part in ("--ignore-vuln", advisory)]
    return subprocess.run([*AUDIT, "--strict", "-r", str(LOCK), *ignored], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
