"""The collection as users get it: built, and installed in a tree of its own, with no Galaxy server asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


class ArtifactError(Exception):
    """ansible-galaxy failed; the message holds what it said."""


def installed(repository: Path, folder: Path) -> Path:
    """Build the artifact of `repository` and install it below `folder`, which is then a collections path.

    Returns the collection's root there. Raises ArtifactError.
    """
    ansible("galaxy", "collection", "build", "--output-path", str(folder), str(repository), folder=folder)
    (artifact,) = folder.glob("*.tar.gz")
    ansible(
        "galaxy", "collection", "install", str(artifact), "-p", str(folder), "--offline", "--no-deps", folder=folder
    )
    return folder / "ansible_collections" / "autolabs" / "platform"


def ansible(program: str, *arguments: str, folder: Path) -> str:
    """Run `ansible-PROGRAM` in `folder`, with it as the only collections path besides the `ansible` package's.

    Returns what it printed. Raises ArtifactError when it fails.
    """
    command = [str(Path(sys.executable).parent / f"ansible-{program}"), *arguments]
    settings = folder / "ansible.cfg"
    settings.touch()
    # No settings of the checkout or of the user, or the checkout itself would count as installed.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment |= {
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_COLLECTIONS_PATH": str(folder),
        "ANSIBLE_HOME": str(folder / ".ansible"),
        "ANSIBLE_NOCOLOR": "1",
    }
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ArtifactError(f"ansible-{program} {' '.join(arguments)} failed:\n{result.stdout}{result.stderr}")
    return result.stdout + result.stderr
