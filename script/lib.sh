# shellcheck shell=bash
# Common to the scripts here: source it first. Leaves the caller in the top directory of the tree.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# npm trusts the certificates that the system trusts, as the other tools do.
if [ -z "${NODE_EXTRA_CA_CERTS-}" ] && [ -f /etc/ssl/certs/ca-certificates.crt ]; then
  export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
fi

# say <text>: one line that tells what happens now.
say() {
  printf '%s: %s\n' "${0##*/}" "$*"
}

# die <text>: says why the script cannot go on, and ends it.
die() {
  printf '%s: error: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# have <command>...: true if all of them exist.
have() {
  local command
  for command in "$@"; do
    command -v "$command" >/dev/null 2>&1 || return 1
  done
}

# node_works: true if there are a Node.js that is new enough for what is here, and npm.
node_works() {
  have node npm && node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)'
}

# build_preset <preset> [cmake option]... [--target <target>]: configures and builds build/<preset>.
build_preset() {
  local preset=$1 options=() only=()
  shift
  while [ $# -gt 0 ]; do
    if [ "$1" = --target ]; then
      only=(--target "$2")
      shift 2
    else
      options+=("$1")
      shift
    fi
  done
  cmake --preset "$preset" "${options[@]}"
  cmake --build --preset "$preset" "${only[@]}"
}

# c_files <pathspec>...: the C files of the tree there, one per line, untracked ones included.
c_files() {
  git ls-files --cached --others --exclude-standard -- "$@" | grep '\.[ch]$' |
    while read -r file; do [ ! -f "$file" ] || printf '%s\n' "$file"; done
}
