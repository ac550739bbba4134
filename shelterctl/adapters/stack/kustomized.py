"""A kustomization's objects, rendered by kustomize; what does not build is told with the line at fault where the files show it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shelterctl.adapters import kustomize
from shelterctl.adapters.stack import located_yaml
from shelterctl.adapters.stack.kustomization import Book, Reached, problems
from shelterctl.adapters.stack.traced import Sources
from shelterctl.adapters.stack.unit import Unit
from shelterctl.core.stack.documents import Document, Origin, Rendering, Unreadable
from shelterctl.errors import CommandFailed, ProgramMissing, UsageError

_FIELD = re.compile(r'unknown field "(\w+)"|Go struct field Kustomization\.(\w+)')
#: `no matches for Id Deployment.v1.apps/web.[noNs]`
_TARGET = re.compile(r"no matches for Id (\w+)\.[\w.\[\]]+/([\w.-]+)\.\[")


def read(book: Book, folder: str) -> Unit:
    """What the kustomization of a folder gives. Raises UsageError where it does not build or would fetch something, ProgramMissing."""
    reached = book.reach(book.root / folder)
    top = reached[0].it
    _nothing_fetched(reached, folder)
    words = _words(folder, top.document.file)
    typed = f"{' '.join(words)} {folder}"
    try:
        text = kustomize.build(book.root / folder)
    except CommandFailed as error:
        raise _failed(book, reached, error, typed) from error
    sources = Sources.of(book, reached)
    found = list(located_yaml.of_text(text, top.document.file))
    documents = tuple(sources.placed(each) for each in found if isinstance(each, Document))
    if not documents:
        raise UsageError(f"{top.document.file} gives no object", why="it builds, and nothing comes of it", next_command=typed)
    unreadable = tuple(each for each in found if not isinstance(each, Document))
    return Unit(folder, documents, unreadable, Rendering(folder, typed, len(documents), Origin(top.document.file)))


def _words(folder: str, file: str) -> list[str]:
    try:
        return kustomize.command()
    except ProgramMissing as error:
        typed = f"kubectl kustomize {folder} > rendered.yaml"
        mend = f'{error.next_command}   (or elsewhere {typed}, and manifests = ["rendered.yaml"] in [stack])'
        raise ProgramMissing(error.what, why=f"{file} is built by kubectl", next_command=mend) from error


def _nothing_fetched(reached: list[Reached], folder: str) -> None:
    for each in reached:
        for entry in each.it.entries():
            if entry.remote and not (each.it.folder / entry.text).exists():
                raise UsageError(
                    f"{entry.origin} names {entry.text}, which is not on this machine",
                    why="shelterctl fetches no remote base: what it proves must be what lies here",
                    next_command=f'kubectl kustomize {folder} > rendered.yaml   (then manifests = ["rendered.yaml"] in [stack])',
                )


def _failed(book: Book, reached: list[Reached], error: CommandFailed, typed: str) -> UsageError:
    """kustomize's own words, below the line at fault where the files show which it is."""
    said = " ".join(line.strip() for line in (error.details or (error.why,))).removeprefix("error: ").removeprefix("Error: ")
    said = said.replace(f"{book.root.resolve()}/", "").replace(f"{book.root}/", "")
    file = reached[0].it.document.file
    shown = next(iter((*problems(reached), *_unreadable(book, reached), *_spoken_of(book, reached, said))), None)
    if shown is None:
        return UsageError(f"{file} does not build: mend it or what it names", why=said, next_command=typed)
    return UsageError(f"{file} does not build: {shown.what}", why=f"{f'{shown.why}. ' if shown.why else ''}{said}", next_command=typed)


def _spoken_of(book: Book, reached: list[Reached], said: str) -> Iterator[Unreadable]:
    """The field or the patch that kustomize names without its place."""
    if field := _FIELD.search(said):
        name = field[1] or field[2]
        for each in reached:
            if name in each.it.body:
                origin = each.it.document.at(name)
                yield Unreadable(origin, f"{origin} has {name}, which kustomize does not take so", "")
    if target := _TARGET.search(said):
        for origin in Sources.of(book, reached).patches_of(target[1], target[2]):
            yield Unreadable(origin, f"{origin} patches {target[1]} {target[2]}, which no resource is", "")


def _unreadable(book: Book, reached: list[Reached]) -> Iterator[Unreadable]:
    """Files that it names and that are no YAML."""
    paths = {path: None for each in reached for _, path in each.it.files() if path.suffix in (".yaml", ".yml")}
    for path in paths:
        yield from (each for each in located_yaml.read(path, book.shown(path), any_kind=True) if isinstance(each, Unreadable))
