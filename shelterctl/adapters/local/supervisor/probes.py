"""Probes as the kubelet makes them: one HTTP request, or one connection, within a time."""

from __future__ import annotations

import asyncio


async def probe(port: int, path: str, timeout_s: float) -> str:
    """Empty where it succeeds, else the kubelet's kind of sentence about why not. With an empty path it only connects to the port."""
    try:
        return await asyncio.wait_for(_ask(port, path), timeout_s)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except OSError as error:
        return f"{error.strerror or error}".lower()


async def _ask(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        if not path:
            return ""
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: shelterctl-probe\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        status = (await reader.readline()).split()
        code = int(status[1]) if len(status) > 1 and status[1].isdigit() else 0
        return "" if 200 <= code < 400 else f"HTTP probe failed with statuscode: {code}"
    finally:
        writer.close()
