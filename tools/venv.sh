#!/bin/sh
# Makes the project's own virtualenv: tools/venv.sh PYTHON DIRECTORY. Needs no root. Works where Debian's python3-venv
# is missing, as long as pip is there.
set -eu
python=$1 directory=$2
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "hatoba needs Python 3.11 or newer; $python is $("$python" --version 2>&1). Try: make PYTHON=python3.12 run" >&2
    exit 1
fi
if "$python" -m venv "$directory" 2>/dev/null; then
    exit 0
fi
rm -rf "$directory"
"$python" -m venv --without-pip "$directory"
if "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m pip --python "$directory/bin/python" install --quiet pip
    exit 0
fi
rm -rf "$directory"
echo "Neither the venv module nor pip is complete here. On Debian: apt-get install python3-venv" >&2
exit 1
