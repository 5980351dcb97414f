"""Known vulnerabilities of what requirements.lock pins, by pip-audit; says so where advisories cannot be had.

python .ci/audit.py

Exit code 0: none is known but those that are accepted below, or nobody could be asked, which is printed.
"""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
ADVISORIES = "https://pypi.org/pypi/{}/json"
"""Where pip-audit asks; behind a mirror it finds nothing there and says that all is well."""
ACCEPTED: dict[str, str] = {}
"""Advisories that do not concern us, each with the reason."""


def unreachable(pin: str) -> str:
    """Return why advisories cannot be had of a pinned package; empty if they can."""
    url = ADVISORIES.format(pin.replace("==", "/"))
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # nosec B310 # the address stands above
            told = json.load(answer)
    except (OSError, ValueError) as error:
        return f"{url}: {error}"
    return "" if "vulnerabilities" in told else f"{url} tells no vulnerabilities"


def main() -> int:
    """Ask, and return pip-audit's exit code; 0 where nobody can be asked."""
    pins = [line for line in LOCK.read_text(encoding="utf-8").split() if "==" in line]
    if why := unreachable(next(pin for pin in pins if pin.startswith("jinja2=="))):
        print(f"pip-audit SKIPPED, nothing is known of vulnerabilities: {why}")
        return 0
    for advisory, reason in ACCEPTED.items():
        print(f"accepted {advisory}: {reason}")
    ignored = [part for advisory in ACCEPTED for part in ("--ignore-vuln", advisory)]
    command = ["-m", "pip_audit", "--strict", "--no-deps", "--disable-pip", "-r", str(LOCK), *ignored]
    return subprocess.run([sys.executable, *command], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
