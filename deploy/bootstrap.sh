#!/usr/bin/env bash
# Sets up what the two commands need.
#
#   bootstrap.sh environment   .venv with the locked dependencies and this project; redone only when they changed
#   bootstrap.sh servers       the programs of packages.txt, installed where this machine lets it, and never started
#
# PYTHON names the interpreter to use; otherwise the first of python3, python3.11 ... python3.14 that is new enough.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=.venv
packages=deploy/packages.txt

say() { printf '%s\n' "$@" >&2; }
fail() {
    say "$@"
    exit 1
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local name
    for name in ${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14}; do
        if command -v "$name" >/dev/null && new_enough "$name"; then
            command -v "$name"
            return
        fi
    done
    fail "No Python 3.11 or newer found${PYTHON:+ at PYTHON=$PYTHON} (python3 is $(python3 --version 2>/dev/null || echo missing))." \
        "Install one, or name it: make test PYTHON=<path to python>."
}

# --- Debian packages -------------------------------------------------------------------------------------------------

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install_packages() {
    say "Installing with apt-get: $*"
    (
        # A package that brings a server would start it; 101 is Debian's "do not".
        policy=/usr/sbin/policy-rc.d
        if [ ! -e "$policy" ]; then
            trap 'rm -f "$policy"' EXIT
            printf '#!/bin/sh\nexit 101\n' >"$policy"
            chmod 755 "$policy"
        fi
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    ) </dev/null
}

program_found() {
    local folder
    command -v "$1" >/dev/null && return
    for folder in /usr/sbin /usr/local/sbin /sbin /usr/lib/postgresql/*/bin; do
        [ -x "$folder/$1" ] && return
    done
    return 1
}

missing_packages() {
    local package program
    while read -r package program; do
        case $package in '' | '#'*) continue ;; esac
        program_found "$program" || printf '%s\n' "$package"
    done <"$packages" | paste -sd ' '
}

servers() {
    local missing
    missing=$(missing_packages)
    [ -z "$missing" ] && return
    # shellcheck disable=SC2086  one word per package
    if can_install && install_packages $missing; then
        missing=$(missing_packages)
        [ -z "$missing" ] && return
    fi
    fail "The tests need programs that are not installed here. Debian packages missing: $missing" \
        "Install them as root:  apt-get update && apt-get install --no-install-recommends $missing" \
        "or bring their programs (second column of $packages) onto PATH in another way."
}

# --- Python environment ----------------------------------------------------------------------------------------------

stamp_of() { { cat requirements.lock pyproject.toml; printf '%s' "$PWD"; "$venv/bin/python" --version; } | sha256sum; }

make_venv() {
    local python=$1 version
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian keeps ensurepip in a package of its own.
        { can_install && install_packages "python$version-venv"; } ||
            fail "$python cannot make a virtual environment: its ensurepip module is missing." \
                "On Debian install it as root:  apt-get update && apt-get install python$version-venv"
    fi
    "$python" -m venv --clear "$venv"
}

environment() {
    local stamp=$venv/installed.sha256 python
    if [ -x $venv/bin/python ] && [ -f $stamp ] && stamp_of | cmp -s - $stamp; then
        return
    fi
    if ! { [ -x $venv/bin/python ] && new_enough $venv/bin/python && $venv/bin/python -m pip --version >/dev/null 2>&1; }; then
        python=$(find_python)
        say "Making $venv with $python"
        make_venv "$python"
    fi
    rm -f $stamp
    say "Installing the locked dependencies into $venv (a few minutes the first time)"
    $venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
    $venv/bin/python -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps -e .
    stamp_of >$stamp
}

case ${1:-} in
    environment) environment ;;
    servers) servers ;;
    *) fail "usage: bootstrap.sh environment|servers" ;;
esac
