"""What one folder gives: its own files' objects, or those that a program made of them."""

from __future__ import annotations

from dataclasses import dataclass

from shelterctl.core.stack.documents import Document, LeftOut, Rendering, Unreadable


@dataclass(frozen=True, slots=True)
class Unit:
    """`rendering` is None where the objects are read as they lie there."""

    folder: str
    documents: tuple[Document, ...]
    unreadable: tuple[Unreadable, ...] = ()
    rendering: Rendering | None = None
    left_out: tuple[LeftOut, ...] = ()
