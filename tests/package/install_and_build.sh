#!/usr/bin/env bash
# install_and_build.sh BUILD_FOLDER CLIENT: the package test (see CMakeLists.txt). Runs in the source folder.
set -euo pipefail
build=$1
client=$2
folder=$(mktemp -d)
program=
cleanup() {
  [[ -z "$program" ]] || kill -KILL "$program" 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT

cmake --install "$build" --component hub --prefix "$folder/prefix" >"$folder/install.log"
# Only the library, its public headers and what CMake needs to find them.
unexpected=$(cd "$folder/prefix" && find . -type f | grep -vE '^\./(include/hubgate/[a-z_]+\.h|lib(/[^/]+)?/libhubgate-hub\.a|lib(/[^/]+)?/cmake/hubgate/[A-Za-z-]+\.cmake)$' || true)
if [[ -n "$unexpected" ]]; then
  echo "package: installed, but nobody's business: $unexpected" >&2
  exit 1
fi

# Nothing of this source tree may be needed: the example is built from a copy.
cp -r examples/embedded_hub "$folder/example"
cmake -S "$folder/example" -B "$folder/build" -G Ninja -DCMAKE_PREFIX_PATH="$folder/prefix" -DCMAKE_BUILD_TYPE=Debug >"$folder/configure.log" ||
  { cat "$folder/configure.log"; exit 1; }
cmake --build "$folder/build" >"$folder/build.log" || { cat "$folder/build.log"; exit 1; }

# It runs: a client is answered and hears the timer's thread; SIGTERM ends it with 0.
coproc PROGRAM { exec "$folder/build/embedded_hub" 127.0.0.1:0; }
program=$PROGRAM_PID
read -r -t 30 ready address <&"${PROGRAM[0]}"
[[ "$ready" == ready ]]
"$client" "${address#http://}"
kill -TERM "$program"
wait "$program"
program=
echo "package: installed, found, built, linked, spoken with"
