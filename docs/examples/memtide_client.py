#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""memtided's control protocol in Python: to be used, or read and written anew.

It needs Debian's python3-protobuf and what protoc makes of control.proto:

    protoc --proto_path=protocol --python_out=DIR protocol/control.proto
    PYTHONPATH=DIR python3 memtide_client.py list

docs/toolstack.md explains; what each request is answered with is said in
docs/protocol.md.
"""
import argparse
import contextlib
import socket
import struct
import subprocess
import sys

import control_pb2 as pb

SOCKET = "/run/memtide/control.sock"
FRAME_MAX = 16384


class ProtocolError(Exception):
    """What came is no answer of memtided's, or ended in the middle of one."""


class Declined(Exception):
    """memtided has answered, and not with OK.

    status: PARTLY, REFUSED, NO_GUEST or BAD_REQUEST, as in pb.ControlStatus
    last:   the last ControlReply; with PARTLY it says how far it went
    """

    def __init__(self, last):
        super().__init__(last.text)
        self.status = last.status
        self.last = last


class Memtide:
    """A connection. One request at a time; the next may follow its end."""

    def __init__(self, path=SOCKET):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)

    def close(self):
        """Ends a reservation; cancels nothing else that was asked for."""
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ProtocolError("memtided has ended the connection")
            data += more
        return data

    def ask(self, request):
        """Send a ControlRequest; yields each ControlReply, the last too."""
        payload = request.SerializeToString()
        self.socket.sendall(struct.pack("<I", len(payload)) + payload)
        reply = pb.ControlReply()
        while not reply.end:
            size, = struct.unpack("<I", self._read(4))
            if not 1 <= size <= FRAME_MAX:
                raise ProtocolError(f"a frame of {size} octets")
            reply = pb.ControlReply.FromString(self._read(size))
            yield reply
        if reply.status != pb.CONTROL_OK:
            raise Declined(reply)

    def list(self):
        """The host, and its guests: (HostInfo, [GuestInfo])."""
        request = pb.ControlRequest()
        request.list.SetInParent()  # it has no fields, but must be there
        host, guests = None, []
        for reply in self.ask(request):
            if reply.HasField("host"):
                host = reply.host
            elif reply.HasField("guest"):
                guests.append(reply.guest)
        return host, guests

    def set(self, name, size_bytes, timeout_s=0, progress=lambda p: None):
        """Set what a guest is to hold, wait until it does: SetResult.

        Declined with PARTLY: it fell short, and memtided goes on trying; its
        last.set says what it holds. timeout_s 0: as long as it takes.
        """
        request = pb.ControlRequest()
        request.set.guest.name = name
        request.set.size_bytes = size_bytes
        request.set.wait = True
        request.set.timeout_s = timeout_s
        for reply in self.ask(request):
            if reply.HasField("progress"):
                progress(reply.progress)
        return reply.set

    def explain(self, name):
        """Why a guest has its size: [ExplainEntry], the latest first."""
        request = pb.ControlRequest()
        request.explain.guest.name = name
        return [reply.explain for reply in self.ask(request)
                if reply.HasField("explain")]

    @contextlib.contextmanager
    def reserve(self, size_bytes, name="", timeout_s=60):
        """Free memory, and hold it while the body builds domain "name".

        Nothing else can be asked for on this connection meanwhile.
        """
        request = pb.ControlRequest()
        request.reserve.size_bytes = size_bytes
        setattr(request.reserve, "for", name)  # a word of Python's
        request.reserve.timeout_s = timeout_s
        for reply in self.ask(request):
            if reply.reserve.held_kib >= reply.reserve.size_kib > 0:
                break
        try:
            yield reply.reserve
        finally:
            self.close()


def main():
    """The command line of the example."""
    parser = argparse.ArgumentParser(description="memtided from Python")
    parser.add_argument("--socket", default=SOCKET)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    for command in "set", "explain", "build":
        sub = commands.add_parser(command)
        sub.add_argument("name")
        if command != "explain":
            sub.add_argument("mib", type=int)
        if command == "build":
            sub.add_argument("argv", nargs="+")
    args = parser.parse_args()
    try:
        with Memtide(args.socket) as memtide:
            return run(memtide, args)
    except Declined as e:
        print(f"{pb.ControlStatus.Name(e.status)}: {e}", file=sys.stderr)
        return e.status + 1
    except (OSError, ProtocolError) as e:
        print(f"{args.socket}: {e}", file=sys.stderr)
        return 1


def run(memtide, args):
    """Carry out a command; its exit code."""
    if args.command == "list":
        host, guests = memtide.list()
        print(f"{host.free_kib // 1024} of {host.total_kib // 1024} MiB free")
        for g in guests:
            print(f"{g.name} {g.state} {g.held_kib // 1024} MiB")
    elif args.command == "set":
        done = memtide.set(args.name, args.mib << 20, progress=lambda p: print(
            f"{args.name}: {p.held_kib // 1024} MiB, {p.state}"))
        print(f"{args.name} holds {done.held_kib // 1024} MiB")
    elif args.command == "explain":
        for e in memtide.explain(args.name):
            when = "now" if e.now else f"{e.ago_ms // 1000} s ago"
            print(f"{when}: {e.text}")
    else:
        with memtide.reserve(args.mib << 20, args.name) as held:
            print(f"{held.held_kib // 1024} MiB are held", flush=True)
            return subprocess.call(args.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
