"""A user's own stack as processes of this machine: the embedded target, with their application in the place of the tool's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.adapters.local.home import Home
from shelterctl.core.state import Place
from shelterctl.settings import DEFAULTS, Settings
from shelterctl.wiring.local import LocalWiring
from shelterctl.wiring.own_folder import OwnFolder
from shelterctl.wiring.parts import carried_file, state_dir

if TYPE_CHECKING:
    from shelterctl.adapters.builder.context import FolderContext
    from shelterctl.adapters.local.environment import Environment
    from shelterctl.adapters.local.examiner import LocalExaminer
    from shelterctl.adapters.local.own.database import LocalTokenReader
    from shelterctl.adapters.local.own.packages import Packages
    from shelterctl.adapters.local.own.passwords import GeneratedPasswords
    from shelterctl.adapters.local.own.preparation import OwnPreparation
    from shelterctl.adapters.local.own.sources import PlacedSources
    from shelterctl.adapters.local.own.target import OwnTarget
    from shelterctl.adapters.local.spec import DatabaseSpec
    from shelterctl.core.checkup.check import Finding
    from shelterctl.core.stack.model import Build
    from shelterctl.core.stack.stack import Stack


class OwnLocal(OwnFolder, LocalWiring):
    """The stack of one folder. `why` is why this target was chosen; empty where it was asked for."""

    # What stands in for MongoDB takes a hundred times as long for a document: an application that answers with its whole collection would
    # be told by that alone.
    most_writes = 8_000
    most_load_writes = 50
    # Nothing is built: there is no image, and so no tag that its Dockerfile would have got.
    names_image = False
    users_under_fault = 20
    # With so few documents an answer costs little: more users are needed until a replica has too much to do.
    users_of_proof = 300

    def __init__(self, settings: Settings, folder: Path, why: str = "") -> None:
        super().__init__(settings, why)
        self.folder = folder

    @cached_property
    def home(self) -> Home:
        return home_of(self.settings, self.folder)

    @cached_property
    def place(self) -> Place:
        return Place(
            "local", self.stack.namespaces[0] if self.stack.namespaces else "default", label="Target", key=f"local-{self.home.key}"
        )

    @cached_property
    def _passwords(self) -> GeneratedPasswords:
        from shelterctl.adapters.local.own.passwords import GeneratedPasswords

        return GeneratedPasswords(self.home)

    @cached_property
    def stack(self) -> Stack:
        from shelterctl.wiring.stacks import read_stack

        return read_stack(self.settings, passwords=self._passwords.of)

    @cached_property
    def project(self) -> Path:
        return self.folder

    @cached_property
    def tools(self) -> Environment:
        """What has the database and its driver: the tool's own application is locked with both."""
        from shelterctl.adapters.local.environment import Environment

        return Environment(carried_file("app/requirements.txt"), self._environments)

    @property
    def _environments(self) -> Path:
        return self.home.folder.parent / "environments"

    @cached_property
    def packages(self) -> Packages:
        from shelterctl.adapters.local.own import recipe
        from shelterctl.adapters.local.own.packages import Packages

        build = self._build
        return Packages(recipe.read(self.folder / build.dockerfile), self.folder / build.context, self._environments, self.tools)

    @cached_property
    def sources(self) -> FolderContext:
        from shelterctl.adapters.builder.context import FolderContext

        build = self._build
        context = self.folder / build.context
        dockerfile = str((self.folder / build.dockerfile).resolve().relative_to(context.resolve()))
        return FolderContext(context, dockerfile, build.copies)

    @property
    def _build(self) -> Build:
        """How the application's image is made. Raises Refused where that cannot be had here."""
        from shelterctl.adapters.local.own import refusals

        if self._app_image() not in self.stack.built:
            refusals.check(self.stack)
        return self.stack.built[self._app_image()]

    @cached_property
    def builder(self) -> PlacedSources:  # type: ignore[override]
        from shelterctl.adapters.local.own.sources import PlacedSources

        return PlacedSources(self.home, lambda: self.sources, lambda: self.packages, self._app_image)

    @cached_property
    def target(self) -> OwnTarget:
        from shelterctl.adapters.local.own.target import OwnIngredients, OwnTarget
        from shelterctl.adapters.local.target import Ingredients

        ingredients = Ingredients(
            lambda: self.folder, lambda: self.packages.python(), lambda: self._database, self.builder.folder, self._image_id
        )
        own = OwnIngredients(lambda: self.stack, lambda: self.packages, self._passwords, insist=self.settings.yes)
        return OwnTarget(self.home, self.place.namespace, ingredients, own)

    @cached_property
    def preparation(self) -> OwnPreparation:
        from shelterctl.adapters.local.own.preparation import OwnPreparation

        return OwnPreparation(self.home, lambda: self.packages, lambda: self._database, lambda: self.target.check())

    @cached_property
    def database(self) -> LocalTokenReader:  # type: ignore[override]
        from shelterctl.adapters.local.own.database import LocalTokenReader

        wanted = str(self.settled.database_facts.get("place", ""))
        return LocalTokenReader(self.home, lambda: self.tools.python(), self.prefix_of, self.sent, wanted)

    def examiner(self) -> LocalExaminer:
        from shelterctl.adapters.local.examiner import LocalExaminer

        return LocalExaminer(self.home, lambda: self.packages, self._findings)

    def _findings(self) -> list[Finding]:
        from shelterctl.core.checkup import own

        return list(own.judge_files(self.stack))

    def versions(self) -> Mapping[str, Callable[[], str]]:
        return {**super().versions(), "sources": self.described}

    @cached_property
    def _database(self) -> DatabaseSpec:
        from shelterctl.adapters.local.claim import made_by
        from shelterctl.adapters.local.own import engines, mariadb

        if mariadb.needs(self.stack):
            return mariadb.find(self.home, self.tools.python())
        if self.stack.roles.database is None:
            app = self.stack.roles.app
            variables = [variable for c in (app.containers if app is not None else ()) for variable in c.variables]
            return engines.not_ours(tuple(host for variable in variables if variable.query is not None for host in variable.hosts))
        return engines.find(self.home, self.tools.python(), kept=made_by(self.home.data))


def home_of(settings: Settings, folder: Path) -> Home:
    """The folder of the stack: beside its sources, unless a state folder was named."""
    state = Path(state_dir(settings))
    if settings.state_dir == DEFAULTS.state_dir:
        state = folder / state
    return Home(state.absolute() / "local" / settings.namespace)


def is_up(settings: Settings, folder: Path) -> bool:
    """Whether the stack of the folder was made on this machine and not taken away."""
    return home_of(settings, folder).supervisor.exists()
