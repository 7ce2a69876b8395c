#!/usr/bin/env bash
# Lets systemd judge conf/systemd/hubgate.service, with the program that was built in the place of the installed one.
# Exit 77 where there is no systemd-analyze: skipped.
set -euo pipefail
program=$1
if ! command -v systemd-analyze >/dev/null; then
  echo "skipped: there is no systemd-analyze here"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sed "s|/usr/bin/hubgate|$program|" conf/systemd/hubgate.service >"$folder/hubgate.service"
# What it says of other units of this machine is not ours to mend.
said=$(SYSTEMD_LOG_LEVEL=notice systemd-analyze verify --man=no "$folder/hubgate.service" 2>&1) || failed=$?
echo "$said"
if grep -q "hubgate" <<<"$said"; then exit 1; fi
exit "${failed:-0}"
