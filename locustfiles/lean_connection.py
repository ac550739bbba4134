"""Connections of lean_client.py: sockets that a greenlet waits for with as little work as gevent's loop allows.

gevent's own sockets make a watcher's start and stop, a waiter and a timer for each wait. Here a connection has one watcher, which stays
from its opening to its closing, and one timer looks after the deadlines of all connections, ten times a second.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import gevent.monkey
from gevent import getcurrent
from gevent.hub import get_hub

_READ, _WRITE = 1, 2
BLOCK = 65536
#: How often the deadlines are looked at: a wait may last this much longer.
DEADLINE_CHECK_S = 0.1
_Poll = gevent.monkey.get_original("select", "poll")
_Socket = gevent.monkey.get_original("socket", "socket")


class _Deadlines:
    """Ends the waits whose time is over."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self._timer = None

    def add(self, connection: Connection) -> None:
        self.connections.add(connection)
        if self._timer is None:
            self._timer = get_hub().loop.timer(DEADLINE_CHECK_S, DEADLINE_CHECK_S, ref=False)
            self._timer.start(self._check)

    def remove(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if not self.connections and self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _check(self) -> None:
        now = time.monotonic()
        for connection in list(self.connections):
            if connection.wake is not None and now >= connection.deadline:
                connection.expired = True
                connection.wake()


_deadlines = _Deadlines()


class Connection:
    """A TCP connection of one greenlet at a time. `deadline` (monotonic clock) bounds every wait: TimeoutError where it passes."""

    __slots__ = ("_hub", "_poll", "_readable", "_reader", "deadline", "expired", "socket", "wake")

    def __init__(self, family: int, address: tuple, deadline: float) -> None:
        """Connects. Raises OSError, TimeoutError among them."""
        self._hub = get_hub()
        self._reader = self._poll = None
        self._readable = self.expired = False
        self.deadline = deadline
        self.wake: Callable[[], object] | None = None
        self.socket = _Socket(family, socket.SOCK_STREAM)
        try:
            self.socket.setblocking(False)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _deadlines.add(self)
            number = self.socket.connect_ex(address)
            if number in (errno.EINPROGRESS, errno.EAGAIN, errno.EALREADY):
                self._wait_to_write()
                number = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                raise OSError(number, os.strerror(number))
            # Asked of the system itself: a connection may have ended since the loop last looked.
            self._poll = _Poll()
            self._poll.register(self.socket.fileno(), select.POLLIN)
            self._reader = self._hub.loop.io(self.socket.fileno(), _READ)
            self._reader.start(self._on_readable)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        _deadlines.remove(self)
        if self._reader is not None:
            self._reader.stop()
            self._reader.close()
            self._reader = None
        self.socket.close()

    def is_idle(self) -> bool:
        """Whether nothing came since the last answer: neither its end, nor bytes that no request asked for."""
        return not self._readable and not self._poll.poll(0)

    def send(self, data: bytes) -> None:
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:])

    def receive(self) -> bytes:
        """What came next; empty at the connection's end."""
        while True:
            if self._readable:
                self._readable = False
                self._reader.start(self._on_readable)
            else:
                # Just sent: an answer is hardly there yet, and to try would cost a call and an exception.
                self._switch()
            try:
                return self.socket.recv(BLOCK)
            except BlockingIOError:
                pass

    def _on_readable(self) -> None:
        wake = self.wake
        if wake is not None:
            wake()
        else:
            # Nobody waits: it would be told again and again.
            self._readable = True
            self._reader.stop()

    def _switch(self) -> None:
        """Lets others run until somebody wakes this one."""
        if time.monotonic() >= self.deadline:
            raise TimeoutError("timed out")
        self.wake = getcurrent().switch
        try:
            self._hub.switch()
        finally:
            self.wake = None
        if self.expired:
            raise TimeoutError("timed out")

    def _send_rest(self, rest: memoryview) -> None:
        while rest:
            self._wait_to_write()
            with suppress(BlockingIOError):
                rest = rest[self.socket.send(rest) :]

    def _wait_to_write(self) -> None:
        writer = self._hub.loop.io(self.socket.fileno(), _WRITE)
        ready: list[bool] = []

        def on_writable() -> None:
            writer.stop()
            ready.append(True)
            if self.wake is not None:
                self.wake()

        writer.start(on_writable)
        reader = self._reader
        if reader is not None and not self._readable:
            reader.stop()  # an early answer waits until the request is out
        try:
            while not ready:
                self._switch()
        finally:
            writer.stop()
            writer.close()
            if reader is not None and not self._readable:
                reader.start(self._on_readable)
