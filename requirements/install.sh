#!/usr/bin/env bash
# Makes the environment of the Makefile's commands: Debian packages where they are missing, and .venv exactly as
# requirements/dev.lock has it. Called by make when the lock has changed; a second call of make does nothing.
#
# usage: requirements/install.sh STAMP    (STAMP is written when all is in place)
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=${1:?usage: requirements/install.sh STAMP}

give_up() {
    printf '\nThe environment is not ready: %s\n' "$1" >&2
    exit 1
}

missing=()
if command -v dpkg-query >/dev/null; then
    while read -r package; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' requirements/apt.txt)
fi
if ((${#missing[@]})); then
    echo "Installing ${missing[*]}"
    [[ $EUID -eq 0 ]] || give_up "as root, run: apt-get install ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || give_up "apt-get update failed; see above"
    apt-get install -y -qq --no-install-recommends "${missing[@]}" || give_up "apt-get install failed; see above"
fi

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
    give_up "$python is $("$python" --version 2>&1); requirements/dev.lock is for Python 3.11 (make PYTHON=/usr/bin/python3.11)"

echo "Filling .venv from requirements/dev.lock (once for each change of it, one to three minutes)"
"$python" -m venv --clear .venv || give_up "$python cannot make a virtual environment; is python3-venv installed?"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock ||
    give_up "a package of requirements/dev.lock could not be installed; see above"
touch "$stamp"
