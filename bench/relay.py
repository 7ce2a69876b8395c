"""What a relay costs: hubgate's proxy, HAProxy and nginx in turn before the same floor server. Used by bench/run.

Only the front's own processes count. HAProxy and nginx are measured where they are installed, with one thread or
worker process, as hubgate's proxy has one.
"""
import pathlib
import shutil
import statistics

from servers import ROOT, Server, free_port, start_gateway

MOST_BYTES = 2048  # of an idle tunnel in the proxy
TUNNELS = 4000     # of the idle row: each is two descriptors of the front

HAPROXY = """
global
  nbthread 1
  maxconn 9000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 300s
frontend front
  bind 127.0.0.1:{port} backlog 4096
  default_backend upstream
backend upstream
  server floor {upstream}
"""

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log /dev/null;
worker_processes 1;
events {{ worker_connections 19000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  upstream floor {{ server {upstream}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://floor;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_read_timeout 300s;
    }}
  }}
}}
"""

GATEWAY = """
redis = "off"
[limits]
tunnel_idle = "300s"
[listener.public]
listen = "127.0.0.1:0"
[pool.floor]
endpoints = ["{upstream}"]
[[route]]
prefix = "/bench"
pool = "floor"
hub = true
"""


def start_peer(folder, name, text, command, upstream):
    port = free_port()
    file = pathlib.Path(folder) / f"{name}.conf"
    file.write_text(text.format(port=port, upstream=upstream, folder=folder))
    return Server([*command, str(file)], url=f"http://127.0.0.1:{port}")


def start_fronts(folder, upstream):
    """Name, server and the processes that count."""
    file = pathlib.Path(folder) / "relay.toml"
    file.write_text(GATEWAY.format(upstream=upstream))
    gateway = start_gateway(f"{folder}/relay", file)
    fronts = [("hubgate", gateway, [gateway.proxy_pid()])]
    for name, text, command in (("haproxy", HAPROXY, ["haproxy", "-db", "-f"]), ("nginx", NGINX, ["nginx", "-c"])):
        if shutil.which(command[0]) or pathlib.Path("/usr/sbin", command[0]).exists():
            server = start_peer(folder, name, text, command, upstream)
            fronts.append((name, server, server.pids()))
    return fronts


def measure_relay(folder, floor, load, options):
    """Rows: what is measured, hubgate, HAProxy, nginx, verdict."""
    upstream = "%s:%d" % floor.address()
    fronts = start_fronts(folder, upstream)
    try:
        echo = ["--scenario", "echo", "--connections", "64"]
        costs = {name: [] for name, _, _ in fronts}
        for name, server, pids in fronts:
            load.run(server, echo, 1, pids)  # warm
        for turn in range(options.repeat):
            for name, server, pids in fronts if turn % 2 == 0 else reversed(fronts):
                costs[name].append(load.run(server, echo, options.seconds, pids)["cpu_per_million"])
        idle = ["--scenario", "idle", "--connections", str(TUNNELS)]
        sizes = {name: load.run(server, idle, 1, pids)["bytes_per_connection"] for name, server, pids in fronts}
        connect = ["--scenario", "connect", "--connections", "1000"]
        connects = {name: load.run(server, connect, 1, pids)["cpu_per_million"] for name, server, pids in fronts}
    finally:
        for _, server, _ in fronts:
            server.stop()

    # Paired by turn, so that a slow moment of the machine hits all of a pair.
    peers = [name for name in costs if name != "hubgate"]
    ratios = {peer: statistics.median(ours / theirs for ours, theirs in zip(costs["hubgate"], costs[peer]))
              for peer in peers}
    verdict = "ok" if all(ratio <= 1 for ratio in ratios.values()) else "OVER"
    of_peers = ", ".join(f"{ratio:.2f} × {peer}" for peer, ratio in ratios.items())
    medians = {name: statistics.median(values) for name, values in costs.items()}
    return [
        ("echo, CPU-µs a round trip", medians, "{:.2f}", f"{of_peers} {verdict}" if peers else "no peer is installed"),
        ("connect, CPU-µs", connects, "{:.0f}", ""),
        ("idle tunnel, bytes", sizes, "{:.0f}",
         f"{MOST_BYTES} {'ok' if sizes['hubgate'] <= MOST_BYTES else 'OVER'}"),
    ]
