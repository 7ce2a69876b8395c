#!/usr/bin/env python3
"""hubload sees every fault of a server that is made on purpose, and sees none where there is none.

    finds_faults.py HUBLOAD
"""
import concurrent.futures
import json
import pathlib
import subprocess
import sys

LYING_SERVER = pathlib.Path(__file__).with_name("lying_server.py")
ECHO = ["--scenario", "echo", "--connections", "4"]
BROADCAST = ["--scenario", "broadcast", "--connections", "4", "--rate", "200"]
GROUPS = ["--scenario", "groups", "--connections", "6", "--groups", "3", "--rate", "200"]

# fault, hubload's scenario, what its report says
CASES = [
    ("none", ECHO, lambda r: r["received"] == r["expected"] > 0),
    ("none", BROADCAST, lambda r: r["received"] == r["expected"] > 0),
    ("none", GROUPS, lambda r: r["received"] == r["expected"] > 0),
    ("doubled", ECHO, lambda r: r["received"] > r["expected"]),
    ("changed", ECHO, lambda r: r["changed"] > 0),
    ("cut", ECHO, lambda r: r["changed"] > 0),
    ("longer", ECHO, lambda r: r["changed"] > 0),
    ("lost", BROADCAST, lambda r: r["received"] < r["expected"] and r["reordered"] > 0),
    ("doubled", BROADCAST, lambda r: r["doubled"] > 0),
    ("reordered", BROADCAST, lambda r: r["reordered"] > 0),
    ("cut", BROADCAST, lambda r: r["changed"] > 0),
    ("longer", BROADCAST, lambda r: r["changed"] > 0),
    ("foreign", GROUPS, lambda r: r["changed"] > 0),
]


def run(case):
    fault, scenario, is_right = case
    done = subprocess.run([LYING_SERVER, fault, "--", sys.argv[1], "--seconds", "0.5", *scenario],
                          capture_output=True, text=True, timeout=100, check=False)
    report = json.loads(done.stdout)
    good = is_right(report) and (done.returncode == 0) == (fault == "none")
    return f"{'ok' if good else 'WRONG':6}{scenario[1]} {fault}: exit {done.returncode} {done.stdout.strip()}", good


with concurrent.futures.ThreadPoolExecutor(4) as pool:
    results = list(pool.map(run, CASES))
print("\n".join(line for line, _ in results))
sys.exit(0 if all(good for _, good in results) else 1)
