# shellcheck shell=bash
# What the scripts share. Sourced by them, with bash; runs nothing by itself.

root_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

say() { printf '%s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Runs a command as root: directly, or by sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -- "$@"
  else
    fail "this needs root, and there is no sudo: $*"
  fi
}

# configure PRESET [-DNAME=VALUE...]: writes build/PRESET, with ccache where there is one.
configure() {
  local preset="$1"
  shift
  local options=("$@")
  if command -v ccache >/dev/null; then
    options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  (cd "$root_dir" && cmake --preset "$preset" "${options[@]}")
}

# build PRESET [TARGET...]
build() {
  local preset="$1"
  shift
  local targets=()
  [ $# -eq 0 ] || targets=(--target "$@")
  (cd "$root_dir" && cmake --build --preset "$preset" --parallel "$(nproc)" "${targets[@]}")
}
