#!/usr/bin/env python3
"""A server that the load generator must not trust: answers its echoes and broadcasts, and does one thing wrong.

    lying_server.py FAULT -- HUBLOAD ARGUMENTS…

Serves one hub on a free port, runs hubload against it, and prints hubload's report. FAULT: none, lost, doubled,
changed, cut, longer, reordered, foreign (a group's message goes to a client of another group).
"""
import base64
import hashlib
import re
import socket
import struct
import subprocess
import sys
import threading

FAULT = sys.argv[1]
PERIOD = 10  # every tenth message is handled wrongly


class Client:
    def __init__(self, sock):
        self.sock, self.group, self.held = sock, None, None
        self.lock = threading.Lock()

    def send(self, record):
        payload = record.encode() + b"\x1e"
        size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload))
        with self.lock:
            self.sock.sendall(b"\x81" + size + payload)


clients, everybody, count = [], threading.Lock(), 0


def deliver(client, record, text):
    """Sends one message, or does with it what the fault says."""
    global count
    with everybody:
        count += 1
        is_wrong = count % PERIOD == 0
        if client.held is not None and not is_wrong:
            client.send(record)
            record, client.held = client.held, None
            return client.send(record)
    if not is_wrong or FAULT in ("none", "foreign"):
        return client.send(record)
    if FAULT == "doubled":
        client.send(record)
    elif FAULT == "changed":
        record = record.replace(text, text[:-1] + "!")
    elif FAULT == "cut":
        record = record.replace(text, text[:-1])
    elif FAULT == "longer":
        record = record.replace(text, text + text[-1])
    elif FAULT == "reordered":
        client.held = record
        return None
    return None if FAULT == "lost" else client.send(record)


def on_record(client, record):
    if record.startswith('{"protocol"'):
        return client.send("{}")
    target = re.search(r'"target":"(\w+)"', record)
    if target is None:
        return None
    texts = re.findall(r'"([^"]*)"', record[record.index('"arguments":') + 12:])
    identity = re.search(r'"invocationId":"(\w+)"', record)
    if target[1] == "Echo":
        return deliver(client, f'{{"type":3,"invocationId":"{identity[1]}","result":"{texts[0]}"}}', texts[0])
    if target[1] == "JoinGroup":
        client.group = texts[0]
        return client.send(f'{{"type":3,"invocationId":"{identity[1]}","result":null}}')
    wanted = None if target[1] == "Broadcast" else texts[0]
    for other in list(clients):
        if wanted is None or (other.group == wanted) != (FAULT == "foreign"):
            deliver(other, f'{{"type":1,"target":"msg","arguments":["{texts[-1]}"]}}', texts[-1])
    return None


def read_exactly(stream, size):
    data = stream.read(size)
    if data is None or len(data) < size:
        raise EOFError
    return data


def serve(sock):
    stream = sock.makefile("rb")
    try:
        while True:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += read_exactly(stream, 1)
            key = re.search(rb"Sec-WebSocket-Key: (\S+)", head, re.I)
            if key:
                break
            body = (b'{"negotiateVersion":1,"connectionId":"a","connectionToken":"b","availableTransports":'
                    b'[{"transport":"WebSockets","transferFormats":["Text"]}]}')
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                         % (len(body), body))
        accept = base64.b64encode(hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        client = Client(sock)
        clients.append(client)
        rest = b""
        while True:
            size = read_exactly(stream, 2)[1] & 0x7F
            if size == 126:
                size = struct.unpack(">H", read_exactly(stream, 2))[0]
            mask = read_exactly(stream, 4)
            rest += bytes(b ^ mask[i % 4] for i, b in enumerate(read_exactly(stream, size)))
            while b"\x1e" in rest:
                record, rest = rest.split(b"\x1e", 1)
                on_record(client, record.decode())
    except (EOFError, OSError):
        pass


def main():
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/bench"
    return subprocess.run([*sys.argv[3:], "--url", url], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
