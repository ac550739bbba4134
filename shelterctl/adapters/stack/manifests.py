"""The objects of a stack's folder: which folders are taken, as they lie there or rendered, and what only the owner knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from shelterctl.adapters.stack import chart, kustomized, located_yaml
from shelterctl.adapters.stack.folder import FOR_ELSEWHERE, Listing, ignored, is_other, looks_like_one
from shelterctl.adapters.stack.packages import Chosen, Packages, covers
from shelterctl.adapters.stack.unit import Unit
from shelterctl.core.stack.documents import Document, LeftOut, Manifests, Origin, Unreadable
from shelterctl.core.stack.inventory import WORKLOADS
from shelterctl.core.stack.model import Question
from shelterctl.errors import UsageError

_LARGEST_BYTES = 2_000_000


def read(found: Listing, folders: Sequence[str], ignore: Sequence[str], options: chart.Options) -> tuple[Manifests, tuple[Question, ...]]:
    """The objects of the folders that were named, else of those that are found to hold them; and what could not be decided.

    Raises UsageError where a kustomization or a chart that is meant cannot be rendered, ProgramMissing.
    """
    named = [_plain(folder) for folder in folders] or ["."]
    passed = [path for path in found.yaml if not ignored(path, ignore) and not is_other(path) and any(covers(n, path) for n in named)]
    packages = Packages.of(found, ignore)
    held = {path: packages.holder(path, named) for path in passed} if packages else {}
    units = _as_they_lie(found.root, [path for path in passed if held.get(path) is None], strict=bool(folders))
    questions: list[Question] = []
    if packages:
        chosen = packages.choose(named, asked=bool(folders))
        alone = len(units) + len(chosen.kustomizations) == 1
        units += [_built(packages, folder, asked=bool(folders) or alone) for folder in chosen.kustomizations]
        questions += chosen.questions
        units += _charts(found.root, chosen, units, options, questions)
        units = [_with_beside(unit, packages, [path for path, folder in held.items() if folder is not None], found.root) for unit in units]
    if not folders:
        units, doubts = _without_rivals(units)
        questions += doubts
    return (
        Manifests(
            tuple(document for unit in units for document in unit.documents),
            tuple(each for unit in units for each in unit.unreadable),
            tuple(unit.folder for unit in units if unit.documents),
            tuple(unit.rendering for unit in units if unit.rendering is not None),
            tuple(left for unit in units for left in unit.left_out),
        ),
        tuple(questions),
    )


def _plain(folder: str) -> str:
    return folder.strip("/").removeprefix("./") or "."


def _as_they_lie(root: Path, paths: Iterable[str], *, strict: bool) -> list[Unit]:
    """The files' objects by their folders, in the files' order. What is no YAML counts where it looks like a manifest, or `strict`."""
    documents: dict[str, list[Document]] = {}
    unreadable: dict[str, list[Unreadable]] = {}
    for path in paths:
        full = root / path
        if full.stat().st_size > _LARGEST_BYTES:
            continue
        folder = str(Path(path).parent)
        for item in located_yaml.read(full, path):
            if isinstance(item, Document):
                documents.setdefault(folder, []).append(item)
            elif strict or looks_like_one(full):
                unreadable.setdefault(folder, []).append(item)
    every = dict.fromkeys((*documents, *unreadable))
    return [Unit(folder, tuple(documents.get(folder, ())), tuple(unreadable.get(folder, ()))) for folder in every]


def _built(packages: Packages, folder: str, *, asked: bool) -> Unit:
    """A kustomization's objects. One that was not `asked` for may be none of the stack's: then an error says how to leave it out."""
    try:
        return kustomized.read(packages.book, folder)
    except UsageError as error:
        if asked:
            raise
        then = f'{error.next_command}   (or leave it out: ignore = ["{folder}"] in [stack])'
        raise UsageError(error.what, why=error.why, details=error.details, next_command=then) from error


def _charts(root: Path, chosen: Chosen, units: Sequence[Unit], options: chart.Options, questions: list[Question]) -> list[Unit]:
    """The charts that were named, else the one that is there where no workload is written in another way."""
    folders = list(chosen.charts)
    if chosen.charts_beside and not folders:
        others = [unit.folder for unit in units if any(document.kind in WORKLOADS for document in unit.documents)]
        choices = tuple(sorted({*others, *chosen.charts_beside}))
        if not others:
            folders = [min(choices, key=lambda folder: (folder.count("/"), folder))]
        if len(choices) > 1:
            text = f"{len(choices)} folders may be the stack, and {'one' if len(chosen.charts_beside) == 1 else 'some'} of them a chart"
            questions.append(Question("stack.manifests", text, choices, Origin((others or folders)[0])))
    if len(folders) > 1 and (options.release or options.values):
        what = f"[manifests] of shelterctl.toml has the release or the values of one chart, and there are {', '.join(folders)}"
        raise UsageError(what, next_command="shelterctl inspect --manifests FOLDER")
    return [chart.read(root, folder, options) for folder in folders]


def _with_beside(unit: Unit, packages: Packages, held: Sequence[str], root: Path) -> Unit:
    """A rendered folder with the manifests that lie in it and that it does not take."""
    if unit.rendering is None:
        return unit
    if unit.folder in packages.charts:
        inside = [path for path in held if covers(unit.folder, path) and not _of_chart(unit.folder, path)]
        said = "Chart.yaml"
    else:
        places = {each.it.folder for each in packages.book.reach(root / unit.folder)}
        taken = {path for folder in packages.kustomizations for path in packages.book.taken_by(root / folder)}
        own = [folder for folder in packages.kustomizations if (root / folder).resolve() in places]
        inside = [path for path in held if packages.holder(path, ["."]) in own and (root / path).resolve() not in taken]
        said = "kustomization.yaml"
    why = f"what {said} names is what is applied; it names no {{}}"
    left = tuple(
        LeftOut("file-not-named", Origin(path), f"{path} holds manifests that no {said} names: left out", why.format(Path(path).name))
        for path in inside
        if looks_like_one(root / path)
    )
    return Unit(unit.folder, unit.documents, unit.unreadable, unit.rendering, (*unit.left_out, *left))


def _of_chart(folder: str, path: str) -> bool:
    inside = path if folder == "." else path.removeprefix(folder + "/")
    return inside.startswith(("crds/", "charts/", "ci/"))


def _without_rivals(units: list[Unit]) -> tuple[list[Unit], list[Question]]:
    """Where two folders define the same object, one of them is meant: that is asked, and the one for here is taken meanwhile."""
    where: dict[tuple[str, str], set[str]] = {}
    for unit in units:
        for document in unit.documents:
            where.setdefault((document.kind, document.name), set()).add(unit.folder)
    rivals = sorted({folder for folders in where.values() if len(folders) > 1 for folder in folders})
    if not rivals:
        return units, []
    size = {unit.folder: len(unit.documents) for unit in units}
    chosen = min(rivals, key=lambda folder: (bool(FOR_ELSEWHERE.search(folder)), -size[folder], folder))
    left = set(rivals) - {chosen}
    question = Question("stack.manifests", f"{len(rivals)} folders define the same objects", tuple(rivals), Origin(chosen))
    return [unit for unit in units if unit.folder not in left], [question]
