"""A report, made and held to its run folders: reading, building, writing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.core.report.runs import FileChange, digest_of
from shelterctl.errors import ShelterError, StateFolderError, UsageError

if TYPE_CHECKING:
    from shelterctl.core.report.document import Document
    from shelterctl.core.report.runs import Run
    from shelterctl.settings import Settings

_NAMES = {"html": "shelterctl-report.html", "markdown": "shelterctl-report.md"}
_MARK = re.compile(r"<!-- shelterctl-report:([A-Za-z0-9+/=]+) -->")
#: A report is a few megabytes at the most.
_LARGEST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Request:
    """What a report was asked to be. Empty `runs` are the newest ones; `compared` are two names, or none."""

    runs: tuple[str, ...]
    form: str = "html"
    title: str = ""
    author: str = ""
    compared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """A report that was written. `figures` are the files of figures beside it, `notes` what could not be done."""

    file: str
    size_bytes: int
    runs: tuple[str, ...]
    digest: str
    figures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """A report, held to its folders. `held` is None where that cannot be decided; `changes` are the files that are not what they
    were, `why` what else is to be said."""

    file: str
    held: bool | None
    files: int
    digest: str
    changes: tuple[FileChange, ...] = ()
    why: str = ""


def make(settings: Settings, request: Request, *, file: str | None, figures: str | None, overwrite: bool) -> Made:
    """Makes the report and writes it. Raises UsageError, StateFolderError."""
    path = Path(file or _NAMES[request.form])
    if path.is_dir():
        raise UsageError(f"--file {path}: a folder is in its place")
    if path.exists() and not overwrite and _stamp_of(path) is None:
        # Whatever it is, it is no report of ours: it may be the only copy of something.
        raise UsageError(f"{path} is there and is no report of shelterctl", next_command="shelterctl report --file another.html")
    document, runs = _document(settings, request, path.name)
    beside = _figures_of(path)
    _write(path, _text(document, request.form, beside.name))
    written: list[str] = []
    notes: list[str] = []
    if request.form == "markdown" and document.pictures:
        written += _draw(document, beside, png=False)[0]
    if figures is not None:
        drawn, notes = _draw(document, Path(figures), png=True)
        written += drawn
        if not document.pictures:
            notes.append("these runs have no figure")
    return Made(str(path), path.stat().st_size, tuple(run.name for run in runs), _digest(runs), tuple(written), tuple(notes))


def of_proof(settings: Settings, run: str) -> str:
    """Makes the report of a `prove` into its run's folder; returns the file. Raises what `make` raises."""
    from shelterctl.wiring.parts import state_dir

    file = state_dir(settings) / "runs" / run / "report.html"
    return make(settings, Request((run,)), file=str(file), figures=None, overwrite=True).file


def verify(settings: Settings, name: str) -> Verified:
    """Reads the files again that a report was made from, and makes the report again. Raises UsageError for what is no report."""
    from shelterctl import __version__
    from shelterctl.adapters.runs.evidence import read_run
    from shelterctl.core.report.runs import changes, read_stamp
    from shelterctl.wiring.parts import state_dir

    path = Path(name)
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise UsageError(f"{path} is no report of shelterctl", why=f"it is larger than {_LARGEST_BYTES // 2**20} MiB")
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"{path} cannot be read", why=error.strerror or str(error)) from error
    found = _MARK.search(text)
    if found is None:
        raise UsageError(f"{path} is no report of shelterctl", why="it has no stamp", next_command="shelterctl report")
    try:
        stamp = read_stamp(found.group(1))
    except ValueError as error:
        raise UsageError(f"{path} cannot be held to its runs", why=str(error)) from error
    folders = [state_dir(settings) / "runs" / Path(run).name for run in stamp.runs]
    runs = [read_run(folder) for folder in folders if folder.is_dir()]
    now = tuple(file for run in runs for file in run.files)
    changed = changes(stamp.files, now)
    if changed or digest_of(stamp.files) != stamp.digest:
        why = "" if changed else "its stamp's digest is not that of the files that it names: the stamp was edited"
        return Verified(str(path), False, len(stamp.files), stamp.digest, changed, why)
    if stamp.version != __version__:
        why = (
            f"the run folders are the same; its text is of shelterctl {stamp.version} and this is {__version__}: that was not held to them"
        )
        return Verified(str(path), None, len(stamp.files), stamp.digest, why=why)
    request = Request(stamp.runs, stamp.format, stamp.title, stamp.author, stamp.compared)
    named, beside = _named_in(text, path.name), _figures_named_in(text, path)
    document = _of_runs(runs, request, named)
    why = _first_difference(text, _text(document, stamp.format, beside))
    if why and not _first_difference(text, _text(_of_runs(runs, request, named, anywhere=True), stamp.format, beside), masked=True):
        # It was made on another machine, whose names it leaves out.
        why = ""
    if not why and stamp.format == "markdown":
        why = _figures_differ(document, path.parent / beside)
    return Verified(str(path), not why, len(stamp.files), stamp.digest, why=why)


def _document(settings: Settings, request: Request, file_name: str) -> tuple[Document, list[Run]]:
    from shelterctl.adapters.runs.evidence import chosen, read_run
    from shelterctl.wiring.parts import state_dir

    state = state_dir(settings)
    compared = tuple(folder.name for name in request.compared for folder in chosen(state, [name])[-1:]) if request.compared else ()
    names = [*request.runs, *compared]
    if len(set(compared)) == 1:
        raise UsageError(f"--compare {' '.join(request.compared)}: both are {compared[0]}", next_command="shelterctl runs list")
    runs = [read_run(folder) for folder in chosen(state, names)]
    return _of_runs(runs, Request(request.runs, request.form, request.title, request.author, compared), file_name), runs


def _of_runs(runs: list[Run], request: Request, file_name: str, *, anywhere: bool = False) -> Document:
    """The report of these runs; with `anywhere` without leaving out this machine's names."""
    from shelterctl import __version__
    from shelterctl.adapters.runs.evidence import owner
    from shelterctl.core.report.build import build
    from shelterctl.core.report.clean import Owner

    return build(
        runs,
        version=__version__,
        form=request.form,
        title=request.title,
        author=request.author,
        compared=request.compared,
        file_name=file_name,
        owner=Owner() if anywhere else owner(),
    )


def _text(document: Document, form: str, folder: str) -> str:
    from shelterctl.core.report import html, markdown

    return html.page(document) if form == "html" else markdown.text(document, folder)


def _digest(runs: list[Run]) -> str:
    return digest_of(file for run in runs for file in run.files)


def _figures_of(path: Path) -> Path:
    """The folder of a Markdown report's figures: a name that needs no escape in a link."""
    return path.with_name(re.sub(r"[^A-Za-z0-9._-]", "-", path.stem) + "-figures")


def _draw(document: Document, folder: Path, *, png: bool) -> tuple[list[str], list[str]]:
    """Each figure as a file. PNG by librsvg's own program, where it is on the PATH."""
    from shutil import which

    from shelterctl.adapters import process

    written, notes = [], []
    converter = which("rsvg-convert") if png else None
    for picture in document.pictures:
        path = folder / f"{picture.name}.svg"
        _write(path, picture.svg)
        written.append(str(path))
        if converter is not None:
            target = path.with_suffix(".png")
            try:
                process.run([converter, "--zoom", "2", "--output", str(target), str(path)], timeout_s=60.0)
                written.append(str(target))
            except ShelterError as error:
                notes.append(f"{target}: {error.what}")
    if png and converter is None and document.pictures:
        notes.append("no PNG: rsvg-convert is not on the PATH (apt install librsvg2-bin, or brew install librsvg)")
    return written, notes


def _write(path: Path, text: str) -> None:
    """Whole or not at all. Raises StateFolderError."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    except OSError as error:
        raise StateFolderError(f"{path} cannot be written", why=error.strerror or str(error)) from error


def _stamp_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            found = _MARK.search(file.read(4 * 2**20).decode("utf-8", "replace"))
    except OSError:
        return None
    return found.group(1) if found is not None else None


def _named_in(text: str, otherwise: str) -> str:
    """The file's name as the report has it: a report may have been renamed since."""
    plainer = re.sub(r"\\(.)", r"\1", text)
    found = re.search(r"shelterctl report --verify (.+?) reads them again", plainer)
    if found is None:
        return otherwise
    from html import unescape

    return unescape(found.group(1))


def _figures_named_in(text: str, path: Path) -> str:
    found = re.search(r"\]\(([A-Za-z0-9._-]+-figures)/[\w-]+\.svg\)$", text, re.M)
    return found.group(1) if found is not None else _figures_of(path).name


def _first_difference(text: str, again: str, *, masked: bool = False) -> str:
    """Where a report differs from the one that these folders give; empty where it does not.

    With `masked` the words that the report leaves out may be any one word.
    """
    if text == again:
        return ""
    one, other = text.split("\n"), again.split("\n")
    for number, line in enumerate(one, 1):
        if number > len(other) or not (line == other[number - 1] or (masked and _says(line, other[number - 1]))):
            return f"the run folders are the same, and its text is not what they give, from line {number} on: {line.strip()[:100]}"
    return (
        f"the run folders are the same, and the end of its text is missing: {len(other) - len(one)} lines" if len(one) < len(other) else ""
    )


def _says(line: str, other: str) -> bool:
    parts = re.split(r"\\?\(this machine\\?\)", line)
    return len(parts) > 1 and re.fullmatch(r"[\w.\\-]{2,100}".join(re.escape(part) for part in parts), other) is not None


def _figures_differ(document: Document, folder: Path) -> str:
    for picture in document.pictures:
        figure = folder / f"{picture.name}.svg"
        try:
            same = figure.read_text(encoding="utf-8") == picture.svg
        except (OSError, ValueError):
            return f"figure {figure.name} cannot be read"
        if not same:
            return f"figure {figure.name} is not what the run folders give"
    return ""
