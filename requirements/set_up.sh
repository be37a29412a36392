#!/bin/sh
# Makes .venv what the lock files and pyproject.toml say, and does nothing if it is that already.
# PYTHON names the interpreter to use; without it the best one of this machine is taken.
set -eu
cd "$(dirname "$0")/.."

lock_stamp=.venv/.complete
project_stamp=.venv/.project
log=.venv/set-up.log

main() {
    # The place is part of the stamp: an environment does not survive a move.
    lock=$({ pwd; cat requirements/build.txt requirements/dev.txt requirements/set_up.sh; } | cksum)
    project=$(cksum <pyproject.toml)
    # An environment without a stamp was interrupted half-way, and nobody knows where.
    if [ "$(read_stamp "$lock_stamp")" != "$lock" ] || ! is_the_python_asked_for; then
        make_environment
        install "the locked packages" --require-hashes -r requirements/dev.txt
        echo "$lock" >"$lock_stamp"
    fi
    if [ "$(read_stamp "$project_stamp")" != "$project" ]; then
        install "the project" --no-build-isolation --no-deps -e .
        echo "$project" >"$project_stamp"
    fi
}

say() {
    echo "set-up: $*"
}

fail() {
    echo "set-up: $*" >&2
    exit 1
}

read_stamp() {
    cat "$1" 2>/dev/null || :
}

is_the_python_asked_for() {
    [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of .venv/bin/python)" ]
}

version_of() {
    "$1" -c 'import sys; print(sys.version)' 2>/dev/null || echo "$1 does not run"
}

make_environment() {
    python=$(find_python) ||
        fail "there is no ${PYTHON:-Python} of version 3.11 or newer; install one (on Debian: apt-get install python3) or name another: make PYTHON=/path/to/python"
    say "making .venv with $("$python" --version)"
    rm -rf .venv
    if ! "$python" -m venv .venv >/dev/null 2>&1; then
        make_environment_without_ensurepip
    fi
    # An old pip stumbles over the hashes of newer packages, so the locked one comes first.
    install "the locked pip" --require-hashes -r requirements/build.txt
}

find_python() {
    # Python 3.14 comes last: there is no Redis in a wheel for it yet.
    set -- python3.13 python3.12 python3.11 python3 python python3.14
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    fi
    for candidate; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# Debian keeps ensurepip in a package of its own.
make_environment_without_ensurepip() {
    rm -rf .venv
    if "$python" -m pip --version >/dev/null 2>&1 && "$python" -m venv --without-pip .venv; then
        say "borrowing pip from $python"
        "$python" -m pip --python .venv/bin/python install --quiet --require-hashes -r requirements/build.txt >"$log" 2>&1 ||
            explain_failure "the locked pip"
        return
    fi
    rm -rf .venv
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing $package"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package"; } >/dev/null 2>&1 || :
        "$python" -m venv .venv >/dev/null 2>&1 && return
        rm -rf .venv
    fi
    fail "$python cannot make an environment; install the package $package (on Debian: apt-get install $package) and try again"
}

install() {
    what=$1
    shift
    say "installing $what"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input "$@" >"$log" 2>&1 || explain_failure "$what"
}

explain_failure() {
    tail -n 20 "$log" >&2
    fail "$1 could not be installed; the reason is above, the whole story in $log"
}

main
