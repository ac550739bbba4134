"""A chart's objects, rendered by Helm: each with the template that it comes from, without hooks; what fails is told with its template."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from shelterctl.adapters import helm
from shelterctl.adapters.stack import located_yaml
from shelterctl.adapters.stack.folder import CHART
from shelterctl.adapters.stack.unit import Unit
from shelterctl.core.stack.documents import Document, LeftOut, Origin, Rendering, Unreadable, section
from shelterctl.errors import CommandFailed, ProgramMissing, UsageError

_SOURCE = re.compile(r"^# Source: (\S+)$", re.MULTILINE)
#: A template and the line in it, as Helm's errors name them: `(notes/templates/app.yaml:3:12)`, `template: notes/templates/app.yaml:2:16:`.
_AT = re.compile(r"([\w.-]+/(?:[\w.-]+/)*templates/[\w./-]+?\.(?:ya?ml|tpl|txt))(?::(\d+))?")
_VALUES = 'values = ["FILE.yaml"] in [manifests] of shelterctl.toml'


@dataclass(frozen=True, slots=True)
class Options:
    """How charts are rendered: `values` are files from the stack's folder, `release` is empty for the chart's own name."""

    namespace: str = "default"
    release: str = ""
    values: tuple[str, ...] = ()


def read(root: Path, folder: str, options: Options) -> Unit:
    """What the chart of a folder gives. Raises UsageError where it cannot be rendered, ProgramMissing."""
    place = root / folder
    file = _inside(folder, CHART)
    about = next(iter(located_yaml.read(place / CHART, file, any_kind=True)), None)
    if isinstance(about, Unreadable):
        raise UsageError(about.what, why=about.why, next_command=f"mend {about.origin}")
    name = str(about.body.get("name") or "") if about is not None else ""
    release = options.release or name or place.resolve().name
    values = [_values_file(root, path) for path in options.values]
    flags = " ".join(f"--values {path}" for path in options.values)
    typed = f"helm template {release} {folder} --namespace {options.namespace}{f' {flags}' if flags else ''}"
    remedy = f'{typed} > rendered.yaml   (where helm is; then manifests = ["rendered.yaml"] in [stack])'
    try:
        text = helm.template(release, place, options.namespace, values, remedy=remedy)
    except ProgramMissing as error:
        raise ProgramMissing(error.what, why=f"{file} is a chart, which helm renders", next_command=error.next_command) from error
    except CommandFailed as error:
        raise _failed(root, folder, name, error, typed) from error
    documents, unreadable, left = _objects(text, root, folder, file)
    if not documents:
        raise UsageError(
            f"{file} gives no object",
            why="its templates render to nothing" + (f" but {len(left)} hooks" if left else "") + ": a value may switch them on",
            next_command=f"{typed}   (then {_VALUES})",
        )
    rendering = Rendering(folder, typed, len(documents), Origin(file), release, options.values)
    return Unit(folder, documents, unreadable, rendering, left)


def _inside(folder: str, path: str) -> str:
    return path if folder == "." else f"{folder}/{path}"


def _values_file(root: Path, path: str) -> Path:
    found = root / path
    if not found.is_file():
        what = f"shelterctl.toml: [manifests] values names {path}, which is not there"
        raise UsageError(what, why="it is sought from the stack's folder")
    return found


def _objects(text: str, root: Path, folder: str, file: str) -> tuple[tuple[Document, ...], tuple[Unreadable, ...], tuple[LeftOut, ...]]:
    starts = [(text.count("\n", 0, match.start()) + 1, match[1]) for match in _SOURCE.finditer(text)]
    lines = text.splitlines()
    templates: dict[str, Sequence[str]] = {}
    documents: list[Document] = []
    unreadable: list[Unreadable] = []
    left: list[LeftOut] = []
    for each in located_yaml.of_text(text, file):
        line = each.at().line if isinstance(each, Document) else each.origin.line
        before = bisect_right(starts, (line, "\uffff"))
        source = _file_of(root, folder, starts[before - 1][1]) if before else ""
        if isinstance(each, Unreadable):
            origin = Origin(source or file)
            unreadable.append(Unreadable(origin, each.what.replace(file, f"what {origin} renders to"), each.why))
            continue
        if source not in templates:
            templates[source] = _lines(root / source) if source else ()
        until = starts[before][0] - 1 if before < len(starts) else len(lines)
        document = _placed(each, line, lines[line - 1 : until], source or file, templates[source])
        hook = str(section(each.body, "metadata", "annotations").get("helm.sh/hook") or "")
        if hook:
            left.append(_left(document, hook))
        else:
            documents.append(document)
    return tuple(documents), tuple(unreadable), tuple(left)


def _lines(path: Path) -> Sequence[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()


def _left(document: Document, hook: str) -> LeftOut:
    test = all(each.strip() in ("test", "test-success", "test-failure") for each in hook.split(","))
    what = f"{document.key} is {'a test' if test else f'a hook ({hook})'} of the chart and is left out"
    why = "`helm test` runs it" if test else "Helm runs it around an installation; shelterctl applies what stays"
    return LeftOut("chart-test-left-out" if test else "chart-hook-left-out", document.at("metadata", "name"), what, why, matters=not test)


def _file_of(root: Path, folder: str, source: str) -> str:
    """A template by Helm's name, which begins with the chart's; empty where a packed dependency has it."""
    inside = source.partition("/")[2]
    path = _inside(folder, inside)
    return path if (root / path).is_file() else ""


def _placed(rendered: Document, first: int, lines: Sequence[str], file: str, template: Sequence[str]) -> Document:
    """An object with the lines of its template. `lines` are those that it was read from, of which `first` is the number of the first.

    A line that Helm put a value into is found by its key, where that stands once between lines that are alike. A field whose line is not
    found is at what encloses it.
    """
    places: dict[int, int] = {}
    alike = SequenceMatcher(None, [line.strip() for line in template], [line.strip() for line in lines], autojunk=False)
    for what, start, end, own_start, own_end in alike.get_opcodes():
        if what == "equal":
            places.update({first + own_start + step: start + step + 1 for step in range(end - start)})
        elif what == "replace":
            keys = _once([_key(line) for line in template[start:end]])
            places.update({first + n: start + at for n in range(own_start, own_end) if (at := keys.get(_key(lines[n])))})
    return Document(rendered.body, file, {path: places[line] for path, line in rendered.lines.items() if line in places})


def _once(texts: Sequence[str]) -> dict[str, int]:
    seen: dict[str, int] = {}
    for number, text in enumerate(texts, 1):
        seen[text] = 0 if text in seen else number
    return {text: number for text, number in seen.items() if number and text}


def _key(line: str) -> str:
    """`image:` of `  - image: mongo:8`; with its indentation, which templates keep as a rule."""
    key, colon, _ = line.replace("- ", "  ", 1).partition(":")
    return f"{key}:" if colon and not key.lstrip().startswith(("#", "{{")) else ""


def _failed(root: Path, folder: str, name: str, error: CommandFailed, typed: str) -> UsageError:
    """Helm's own words, under the template that they speak of."""
    lines = [line.strip() for line in (error.details or (error.why,)) if not line.startswith("Use --debug")]
    said = " ".join(lines).removeprefix("Error: ").replace(f"{root.resolve()}/", "").replace(f"{root}/", "")
    at = _AT.search(said)
    file = _file_of(root, folder, at[1]) if at else ""
    place = f"{file}:{at[2]}" if at and file and at[2] else file
    if "missing in charts/" in said:
        return UsageError(f"the chart {name} lacks what it depends on", why=said, next_command=f"helm dependency build {folder}")
    if "values.yaml" in said and "cannot load" in said:
        return UsageError(f"{_inside(folder, 'values.yaml')} cannot be read", why=said, next_command=f"mend it, then {typed}")
    if "specifications of the schema" in said or "execution error" in said:
        return UsageError(f"the chart {name} wants other values{f': {place}' if place else ''}", why=said, next_command=_VALUES)
    return UsageError(f"the chart {name or folder} cannot be rendered{f': {place}' if place else ''}", why=said, next_command=typed)
