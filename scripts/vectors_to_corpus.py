#!/usr/bin/env python3
"""Writes the bytes of a table of vectors as one file each: seeds for a fuzz target.

    scripts/vectors_to_corpus.py TABLE.json FOLDER
"""
import json
import pathlib
import sys


def bytes_of(vector):
    for key in ("hex", "request_hex"):
        if vector.get(key):
            yield vector[key]
    for command in vector.get("commands") or []:
        if command.get("hex"):
            yield command["hex"]


def main():
    table, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    for number, vector in enumerate(json.loads(pathlib.Path(table).read_text())["vectors"]):
        for part, text in enumerate(bytes_of(vector)):
            # The first byte is the target's own: how the stream is cut.
            (folder / f"vector-{number}-{part}").write_bytes(b"\x03" + bytes.fromhex(text))


if __name__ == "__main__":
    main()
