"""A server on 127.0.0.1 with the shape of the application, for measuring and testing the load generator.

It answers about 15,000 requests/s on one core, several times what one Locust process can ask for, and counts them itself: what the
generator reports is held against `GET /count`. It keeps the newest documents only. Prints its port, then serves until it is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time

PAGE = 50
#: More than the generator's users remember of what they wrote.
KEPT = 20_000


class State:
    """What the server counted. Times on the monotonic clock."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.requests = 0
        self.failed = 0
        self.connections = 0
        self.documents: dict[bytes, bytes] = {}
        self.first_s = 0.0
        self.last_s = 0.0


class Connection(asyncio.Protocol):
    """One kept-alive connection; requests come one after the other."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.state.connections += 1
        self.pod = f"pod-{self.state.connections % self.state.options.pods}"

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            request, body = self.buffer[:end], self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.answer(request, body)

    def answer(self, request: bytes, sent: bytes) -> None:
        state, options = self.state, self.state.options
        if request.startswith(b"GET /count"):
            counted = {name: getattr(state, name) for name in ("requests", "failed", "connections", "first_s", "last_s")}
            self.send(b"200 OK", json.dumps({**counted, "cpu_s": time.process_time()}).encode())
            return
        now = time.monotonic()
        state.first_s = state.first_s or now
        state.last_s = now
        state.requests += 1
        if options.hang_after and state.requests > options.hang_after:
            return
        if options.hang_every and state.requests % options.hang_every == 0:
            return
        if options.redirect and not request.startswith((b"GET /moved", b"POST")):
            self.send(b"302 Found", b"", location=b"/moved")
            return
        if options.error_every and state.requests % options.error_every == 0:
            self.send(b"200 OK", b'{"error": "no database"}')
            return
        if options.empty_every and state.requests % options.empty_every == 0:
            self.send(b"200 OK", b"")
            return
        if options.fail_every and state.requests % options.fail_every == 0:
            state.failed += 1
            self.send(b"503 Service Unavailable", b'{"applied":"unknown"}')
        elif request.startswith(b"POST"):
            self.send(b"201 Created", self.keep(b"%08d" % state.requests, sent))
        elif request.startswith(b"GET /data?"):
            self.send(b"200 OK", page(request))
        elif request.startswith(b"GET /data/"):
            document = state.documents.get(request[10:].split(b" ", 1)[0])
            other = options.mix_up_every and state.requests % options.mix_up_every == 0
            if document is None:
                self.send(b"404 Not Found", b'{"error":"not there"}')
            else:
                self.send(b"200 OK", next(iter(state.documents.values())) if other else document)
        else:
            self.send(b"200 OK", b'{"message":"hello"}')

    def keep(self, name: bytes, sent: bytes) -> bytes:
        documents = self.state.documents
        documents[name] = b'{"id":"%s","data":%s}' % (name, sent or b"{}")
        if len(documents) > KEPT:
            del documents[next(iter(documents))]
        return documents[name]

    def send(self, status: bytes, body: bytes, *, location: bytes = b"") -> None:
        message = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nX-Pod: %s\r\n%sContent-Length: %d\r\n\r\n%s" % (
            status,
            self.pod.encode(),
            b"Location: %s\r\n" % location if location else b"",
            len(body),
            body,
        )
        delay_s = self.state.options.delay_ms / 1000
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, self.transport.write, message)
        else:
            self.transport.write(message)


def page(request: bytes) -> bytes:
    """A page of documents that come after the one that was asked for."""
    after = request.split(b" ", 2)[1].partition(b"after=")[2]
    ids = [b"%s~%04d" % (after, number) for number in range(PAGE)]
    items = b",".join(b'{"id":"%s","data":{"value":1}}' % name for name in ids)
    return b'{"items":[%s],"next":"%s"}' % (items, ids[-1])


async def serve(options: argparse.Namespace) -> None:
    state = State(options)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(state), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0, help="wait before each answer")
    parser.add_argument("--fail-every", type=int, default=0, help="answer every n-th request with 503")
    parser.add_argument("--hang-after", type=int, default=0, help="answer n requests and then none")
    parser.add_argument("--hang-every", type=int, default=0, help="never answer every n-th request")
    parser.add_argument("--redirect", action="store_true", help="send every GET elsewhere first")
    parser.add_argument("--error-every", type=int, default=0, help="answer every n-th request with 200 and an error in it")
    parser.add_argument("--empty-every", type=int, default=0, help="answer every n-th request with 200 and nothing")
    parser.add_argument("--mix-up-every", type=int, default=0, help="answer every n-th reading of a document with another one")
    parser.add_argument("--pods", type=int, default=1, help="how many names to answer under, one for each connection in turn")
    asyncio.run(serve(parser.parse_args()))
