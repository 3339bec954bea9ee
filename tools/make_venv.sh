#!/usr/bin/env bash
# Makes .venv hold exactly what one lock file pins, and the project itself in editable form.
#   tools/make_venv.sh runtime|dev
# Everything is checked by hash: pip installs the pinned uv, uv installs the rest. A venv that already holds the
# development group keeps it when only the runtime group is asked for.
set -euo pipefail
cd "$(dirname "$0")/.."

group=${1:?runtime or dev}
python=${PYTHON:-python3}
stamp=.venv/.central-$group

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Central needs Python 3.11 or newer; $python is $("$python" -V 2>&1). Set PYTHON=/path/to/python3." >&2
  exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  tools/install_system.sh python3-venv
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
if [ ! -x .venv/bin/uv ] || [ requirements/uv.txt -nt .venv/.central-uv ]; then
  echo "Installing the pinned uv into .venv"
  .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/uv.txt
  touch .venv/.central-uv
fi

uv() { .venv/bin/uv --no-config --quiet "$@"; }
echo "Installing the $group group of requirements into .venv"
if [ "$group" = runtime ] && [ -e .venv/.central-dev ]; then
  uv pip install --python .venv/bin/python --require-hashes -r requirements/runtime.txt
else
  # sync also takes away what no lock file names any more
  uv pip sync --python .venv/bin/python --require-hashes requirements/uv.txt "requirements/$group.txt"
fi
uv pip install --python .venv/bin/python --no-deps --no-index --no-build-isolation --editable .
touch "$stamp"
[ "$group" = runtime ] || touch .venv/.central-runtime   # the development group holds the runtime group
