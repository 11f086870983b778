"""Runs `ansible-test sanity` on the collection as users get it: built, and installed into a tree of its own.

The tests that do not run here, and why, are in SKIPPED; findings that are accepted in single files, in ignore-*.txt.

ansible-test makes a virtual environment for each of its tools. It first fetches a pinned get-pip.py from its own
server, and does so even where a package index is at hand. Where that server does not answer, a stand-in takes its
place: it asks Python's `ensurepip` for a pip, and that pip for the pinned version. It, and the environments, are kept
in a home folder of this project's, so that ansible-test elsewhere on the machine never meets them.

usage: PYTHONPATH=tests python tests/sanity/run.py [PATH...]     (paths within the collection; all of it by default)
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from artifact import REPOSITORY, installed

PYTHON = "3.11"
# Test name to the reason why it is not run.
SKIPPED = {
    "import": "it loads every file with nothing installed, not even PyYAML and cryptography, which ansible-core needs "
    "itself and these plugins therefore may use; tests/unit/test_house_dependencies.py loads every plugin beside them",
}

STAND_IN = '''\
"""Stands in for get-pip.py where its server cannot be reached; written by tests/sanity/run.py."""
import subprocess, sys
subprocess.check_call([sys.executable, "-m", "ensurepip"])
packages = [option for option in sys.argv[1:] if not option.startswith("--no-")]
subprocess.check_call([sys.executable, "-m", "pip", "install", *packages])
'''


def main() -> int:
    """Build, install, test; the exit code is ansible-test's."""
    home = Path(os.environ.get("AUTOLABS_CACHE") or Path.home() / ".cache" / "autolabs") / "sanity"
    environment = {**os.environ, "HOME": str(prepared(home)), "ANSIBLE_HOME": str(home / "ansible")}
    with tempfile.TemporaryDirectory(prefix="autolabs-sanity-") as folder:
        collection = installed(REPOSITORY, Path(folder))
        command = ["ansible-test", "sanity", "--python", PYTHON, "--requirements", "--color", "no"]
        for name, reason in SKIPPED.items():
            print(f"not run: {name}: {reason}", flush=True)
            command += ["--skip-test", name]
        started = time.monotonic()
        result = subprocess.run([*command, *sys.argv[1:]], cwd=collection, env=environment, check=False)
        print(f"ansible-test sanity took {time.monotonic() - started:.0f} s", flush=True)
    return result.returncode


def prepared(home: Path) -> Path:
    """A home for ansible-test with the user's pip settings, and with the stand-in where it is needed."""
    (home / ".config").mkdir(parents=True, exist_ok=True)
    settings = home / ".config" / "pip"
    if not settings.is_symlink():
        settings.symlink_to(Path.home() / ".config" / "pip")
    address, version = pinned_get_pip()
    cached = home / ".ansible" / "test" / "cache" / f"get_pip_{version.replace('.', '_')}.py"
    if not cached.exists() and not answers(address % version):
        cached.parent.mkdir(parents=True, exist_ok=True)
        cached.write_text(STAND_IN, encoding="utf-8")
    return home


def pinned_get_pip() -> tuple[str, str]:
    """From where ansible-test takes get-pip.py (with %s for the version), and the version for this Python."""
    import ansible_test

    root = Path(next(iter(ansible_test.__path__)))
    script = (root / "_util" / "target" / "setup" / "requirements.py").read_text(encoding="utf-8")
    found = re.search(r"url = '(https://\S+get-pip-%s\.py)' % pip_version", script)
    source = (root / "_internal" / "python_requirements.py").read_text(encoding="utf-8")
    version = re.search(r"\bpip='([\d.]+)'", source)
    if not found or not version:
        sys.exit("ansible-test fetches pip in a way that tests/sanity/run.py does not know; see its requirements.py")
    return found[1], version[1]


def answers(address: str) -> bool:
    """Whether the server gives the file within ten seconds."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=10):
            return True
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
