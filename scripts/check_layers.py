#!/usr/bin/env python3
"""Compares every #include with the table of allowed arrows (docs/architecture.md, "Layers").

A room may include itself and what its row names; a row's names are not transitive on purpose, so that a new arrow is
always a decision. External headers that belong to one room are listed at the end.
Exit 0 and one line when all is well; otherwise each offence as FILE:LINE and exit 1.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BASE, EVENT, NET = {"common/base"}, {"common/base", "common/event"}, {"common/base", "common/event", "common/net"}
HTTP = NET | {"common/http"}
HUB = HTTP | {"common/http_server", "common/websocket", "hub/include"}

ALLOWED = {
    "common/base": set(),
    "common/event": BASE,
    "common/net": EVENT,
    "common/http": BASE,
    "common/websocket": BASE | {"common/http"},
    "common/http_server": HTTP,
    "common/http_client": HTTP,
    "common/redis": NET,
    "common/config": BASE,
    "common/control": EVENT,
    "hub/include": set(),
    "hub/protocol": BASE | {"hub/include"},
    "hub/connections": HUB | {"hub/protocol"},
    "hub/core": HUB | {"hub/protocol", "hub/connections"},
    "hub/lifetime": NET | {"common/redis", "hub/include", "hub/protocol", "hub/connections", "hub/core"},
    "hub/server": HUB | {"common/control", "common/redis", "hub/protocol", "hub/connections", "hub/core", "hub/lifetime"},
    "hub/worker": {"hub/include"},
    "proxy/supervisor": EVENT | {"common/control"},
    "proxy/config": NET | {"common/config", "proxy/routing"},
    "proxy/routing": BASE | {"common/http"},
    "proxy/pool": HTTP | {"common/http_client", "common/control", "common/config", "proxy/config", "proxy/routing"},
    "proxy/access": EVENT | {"common/control", "proxy/config", "proxy/routing"},
    "proxy/session": HTTP | {"common/http_server", "common/http_client", "common/websocket", "common/control",
                             "proxy/config", "proxy/routing", "proxy/pool", "proxy/access"},
    "proxy/admin": HTTP | {"common/http_server", "common/http_client", "proxy/config"},
    "proxy/cli": HTTP | {"common/http_client", "common/config", "common/control", "proxy/config", "proxy/routing",
                         "proxy/admin", "proxy/supervisor", "proxy"},
    "proxy": HTTP | {"common/http_server", "common/http_client", "common/control", "common/config", "proxy/config",
                     "proxy/routing", "proxy/pool", "proxy/access", "proxy/session", "proxy/admin"},
}

# Libraries known to one room (or file) only.
EXTERNAL = {
    r"event2/.*": ["common/event"],
    r"openssl/ssl.*|openssl/(err|x509v3|pem)\.h": ["common/net"],
    r"openssl/(evp|crypto)\.h": ["common/base", "common/net"],
    r"hiredis/.*": ["common/redis"],
    r"toml\+\+/.*|toml\.hpp": ["common/config"],
    r"spdlog/.*": ["common/base"],
    r"prometheus/.*": ["common/base"],
    r"CLI/.*": ["proxy/cli"],
    r"ares.*": ["common/net"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def room_of(path: str):
    """The room of a path below src, such as common/net/address.h; None outside of src."""
    parts = path.split("/")
    if parts[0] == "hubgate":
        return "common/base" if parts[-1] == "result.h" else "hub/include"
    if parts[0] not in ("common", "hub", "proxy"):
        return None
    if len(parts) == 2:
        return parts[0]
    if parts[:3] == ["common", "base", "include"]:
        return "common/base"
    return "/".join(parts[:2])


def main() -> int:
    offences = []
    files = sorted(p for p in (ROOT / "src").rglob("*") if p.suffix in (".h", ".cc"))
    for file in files:
        name = file.relative_to(ROOT / "src").as_posix()
        own = room_of(name)
        if own not in ALLOWED:
            offences.append(f"{name}:1: the room {own} is not in the table of {pathlib.Path(__file__).name}")
            continue
        public = name.startswith("hub/include/") or name.startswith("common/base/include/")
        for number, line in enumerate(file.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            target = match.group(2)
            room = room_of(target)
            if public and room is not None and not target.startswith("hubgate/"):
                offences.append(f"{name}:{number}: a public header includes {target}; public headers stand on std alone")
            if room is not None and room != own and room not in ALLOWED[own]:
                if not (own == "hub/include" and target == "hubgate/result.h"):
                    offences.append(f"{name}:{number}: {own} may not include {room} ({target})")
            for pattern, rooms in EXTERNAL.items():
                if re.fullmatch(pattern, target) and own not in rooms:
                    offences.append(f"{name}:{number}: {target} is known to {', '.join(rooms)} only")
    for offence in offences:
        print("src/" + offence)
    if not offences:
        print(f"layers: {len(files)} files, every #include is an allowed arrow")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
