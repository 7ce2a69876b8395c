"""Servers under measurement, and how load is put on them. Used by bench/run."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "release" / "bin"
CORES = sorted(os.sched_getaffinity(0))
LOAD_CORE, SERVER_CORE = CORES[0], CORES[-1]


def pinned(core):
    return lambda: os.sched_setaffinity(0, {core})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command_line(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()


def descendants(pid):
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += descendants(int(child))
    return found


class Server:
    """A started server: its URL and its processes. Without a "ready URL" line of its own, `url` says where it will be."""

    def __init__(self, command, url=None):
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdout=quiet if url else subprocess.PIPE, stderr=quiet, text=True,
                                        preexec_fn=pinned(SERVER_CORE))
        self.url = url
        if url:
            self.wait_for_port()
            return
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            sys.exit(f"bench: {command[0]} did not start")
        self.url = line.split()[1]

    def address(self):
        host, port = self.url.split("//")[1].split(":")
        return host, int(port)

    def wait_for_port(self):
        for _ in range(500):
            try:
                socket.create_connection(self.address(), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"bench: {self.process.args[0]} did not start")
                time.sleep(0.02)
        sys.exit(f"bench: {self.process.args[0]} does not listen")

    def pids(self):
        return descendants(self.process.pid)

    def pids_without_redis(self):
        return [pid for pid in self.pids() if not command_line(pid).startswith(b"redis-server")]

    def proxy_pid(self):
        """Of a gateway."""
        return next(pid for pid in self.pids() if b"\0proxy" in command_line(pid))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def start_floor():
    return Server([str(BIN / "floor")])


def start_gateway(folder, config, **settings):
    """A gateway by the file `config`, with directories and ports of its own."""
    port, admin = free_port(), free_port()
    settings = {"runtime_dir": f"{folder}/run", "state_dir": f"{folder}/state",
                "listener.public.listen": f"127.0.0.1:{port}", "admin.listen": f"127.0.0.1:{admin}", **settings}
    command = [str(BIN / "hubgate"), "run", str(config)]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    return Server(command)


class Load:
    """Runs hubload; remembers whether every run was clean."""

    def __init__(self):
        self.clean = True

    def run(self, server, arguments, seconds, pids=None):
        command = [str(BIN / "hubload"), "--url", server.url + "/bench", "--seconds", str(seconds),
                   "--pids", ",".join(map(str, pids or server.pids())), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, preexec_fn=pinned(LOAD_CORE), check=False)
        if done.returncode != 0:
            print(f"bench: NOT CLEAN: {done.stdout.strip()} {done.stderr.strip()}", file=sys.stderr)
            self.clean = False
        return json.loads(done.stdout)
