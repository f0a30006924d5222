#!/bin/sh
# Runs Firstlight from this folder on a Linux machine (x86-64, glibc) that has a GPU's Vulkan driver, and neither Node nor network.
#
#   ./firstlight.sh verify              every kernel and model fixture on this adapter
#   ./firstlight.sh sweep               every kernel x case x variant against float64, forward and gradient, and twice for equal bits
#   ./firstlight.sh bench [flags]       the benchmark: kernels, or --step; results in bench/results/<adapter>/
#   ./firstlight.sh tune [flags]        the fastest way to run each kernel here, for later commands
#   ./firstlight.sh torch [flags]       PyTorch at the same work, by the machine's own Python
#   ./firstlight.sh doctor              which adapter is taken, and why
#   ./firstlight.sh COMMAND [...]       any other command of firstlight
#
# FIRSTLIGHT_UNPACKED   where to unpack (default: firstlight under TMPDIR or /tmp)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
home=${FIRSTLIGHT_UNPACKED:-${TMPDIR:-/tmp}/firstlight}

# each archive once, until another one lies here
for name in runtime project; do
  archive=$here/$name.tar.xz
  sum=$(cksum < "$archive")
  [ "$(cat "$home/$name.sum" 2>/dev/null)" = "$sum" ] && continue
  mkdir -p "$home"
  if command -v xz > /dev/null; then tar -C "$home" -xJf "$archive"
  else python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$archive" "$home"
  fi
  echo "$sum" > "$home/$name.sum"
done

# libraries that a GPU's driver may want and a machine without a display lacks: only those that are not there
rm -rf "$home/absent"; mkdir -p "$home/absent"
known=$({ ldconfig -p || /sbin/ldconfig -p; } 2>/dev/null || true)
for library in "$home"/libraries/*; do
  name=$(basename "$library")
  case $known in *"$name"*) ;; *) ln -s "$library" "$home/absent/$name" ;; esac
done
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$home/absent"
export XDG_CACHE_HOME="${XDG_CACHE_HOME:-$home/cache}"

case ${1:-help} in
  bench) program=bench/main.ts; shift ;;
  sweep) program=sweep; shift ;;
  tune) program=bench/tune/main.ts; shift ;;
  torch) shift; exec python3 "$home/project/bench/torch/reference.py" "$@" ;;
  verify) [ $# -gt 1 ] || set -- verify "$home/project/test/fixtures/xclip" "$home/project/test/fixtures/systems"
    program=train/cli/process.ts ;;
  *) program=train/cli/process.ts ;;
esac
cd "$home/project"
run() { "$home/bin/node" engine/setup/run.mjs "$@"; }
if [ "$program" = sweep ]; then
  # matmul and attention have processes of their own: programs of either take as long to compile as all others
  status=0
  for rooms in matmul attention rooms; do run "test/$rooms.kernels.test.ts" || status=$?; done
  exit $status
fi
run "$program" "$@"
