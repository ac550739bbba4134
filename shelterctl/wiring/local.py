"""A stack as processes of this machine: no cluster, no container."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.adapters.local.home import Home
from shelterctl.core.state import Place
from shelterctl.errors import UsageError
from shelterctl.ports.capabilities import Lacking
from shelterctl.settings import DEFAULTS, Settings
from shelterctl.wiring.parts import Wiring, project_around, state_dir

if TYPE_CHECKING:
    from shelterctl.adapters.builder.context import FolderContext
    from shelterctl.adapters.local.database import LocalDatabaseReader
    from shelterctl.adapters.local.environment import Environment
    from shelterctl.adapters.local.examiner import LocalExaminer, NoRepairs
    from shelterctl.adapters.local.faults import LocalFaults
    from shelterctl.adapters.local.preparation import LocalPreparation
    from shelterctl.adapters.local.sources import KeptSources
    from shelterctl.adapters.local.spec import DatabaseSpec
    from shelterctl.adapters.local.target import LocalTarget

#: How to get the other target, where this one was chosen because that one is not there.
GET_A_CLUSTER = "https://minikube.sigs.k8s.io/docs/start/, and Docker"


class LocalWiring(Wiring):
    """The stack of one state folder and namespace. `why` is why this target was chosen; empty where it was asked for."""

    doubt = ""
    images = Lacking("replicas run on this machine: nothing is sent to nodes")
    scanner = Lacking(
        "--scan looks into images, and here there are none: the application runs as processes of this machine",
        "its packages come from requirements.txt and lie in an environment, and no scanner of images reads that",
        "shelterctl up --scan --target minikube",
    )
    policies = Lacking("there are no network policies between processes")
    names = Lacking(
        "names exist on a cluster only: here the parts of the stack find each other by port",
        "no DNS server answers for them",
        f"shelterctl up --target minikube   ({GET_A_CLUSTER})",
    )

    def __init__(self, settings: Settings, why: str = "") -> None:
        super().__init__(settings)
        self._why = why

    @property
    def note(self) -> str:
        return f"Target local: {self._why}; a cluster: {GET_A_CLUSTER}, then --target minikube" if self._why else ""

    @cached_property
    def home(self) -> Home:
        return home_of(self.settings)

    @cached_property
    def place(self) -> Place:
        return Place("local", self.settings.namespace, label="Target", key=f"local-{self.home.key}")

    def check_choice(self) -> None:
        if self.settings.adopt:
            raise UsageError(
                "--adopt: a stack that runs already is taken as it is on a cluster only",
                why="on this machine `up` builds and deploys this folder",
                next_command="shelterctl up --adopt --target minikube",
            )

    @property
    def options(self) -> Sequence[str]:
        return ("--target local",) if self.settings.target == "local" else ()

    @cached_property
    def environment(self) -> Environment:
        from shelterctl.adapters.local.environment import Environment

        return Environment(self.project / "app" / "requirements.txt", self.home.folder.parent / "environments")

    @cached_property
    def sources(self) -> FolderContext:
        from shelterctl.adapters.builder.context import FolderContext

        return FolderContext(self.project / "app")

    @cached_property
    def builder(self) -> KeptSources:
        from shelterctl.adapters.local.sources import KeptSources

        return KeptSources(self.home, lambda: self.sources, lambda: self.environment)

    @cached_property
    def target(self) -> LocalTarget:
        from shelterctl.adapters.local.target import Ingredients, LocalTarget

        ingredients = Ingredients(
            lambda: self.project, lambda: self.environment.python(), lambda: self._database, self.builder.folder, self._image_id
        )
        return LocalTarget(self.home, self.settings.namespace, ingredients)

    @cached_property
    def preparation(self) -> LocalPreparation:
        from shelterctl.adapters.local.preparation import LocalPreparation

        return LocalPreparation(self.home, lambda: self.environment, lambda: self._database)

    @cached_property
    def database(self) -> LocalDatabaseReader:
        from shelterctl.adapters.local.database import LocalDatabaseReader

        return LocalDatabaseReader(self.home)

    def faults(self) -> LocalFaults:
        from shelterctl.adapters.local.faults import LocalFaults

        return LocalFaults(self.home)

    def check_running(self) -> None:
        """Its state tells whether it runs."""

    def examiner(self) -> LocalExaminer:
        from shelterctl.adapters.local.examiner import LocalExaminer

        return LocalExaminer(self.home, lambda: self.environment)

    def repairs(self) -> NoRepairs:
        from shelterctl.adapters.local.examiner import NoRepairs

        return NoRepairs()

    def versions(self) -> Mapping[str, Callable[[], str]]:
        def database() -> str:
            found = self._database
            return found.title

        return {"python": self.builder.check, "database": database, "sources": lambda: self.sources.tag()}

    @cached_property
    def _database(self) -> DatabaseSpec:
        """Found once: a mongod is asked for its version. One elsewhere stays until another is asked for."""
        from shelterctl.adapters.local import elsewhere, engines
        from shelterctl.adapters.local.claim import made_by

        uri = self.settings.mongo_uri
        kept = None if uri else elsewhere.kept(self.home)
        if kept is not None:
            return kept
        if uri and uri != elsewhere.OWN:
            return elsewhere.parse(uri, self.settings.mongo_password_file)
        return engines.find(self.home, self.environment.python(), kept=made_by(self.home.data))

    def _image_id(self, reference: str) -> str:
        # Empty where only the plan is asked for, before anything is built.
        found = self.builder.inspect(reference)
        return "" if found is None else found.image_id


def home_of(settings: Settings) -> Home:
    """The folder of the stack that these settings mean: beside the sources, from wherever within them, unless a state folder was named."""
    folder = Path(state_dir(settings))
    if settings.state_dir == DEFAULTS.state_dir and settings.project_dir is None:
        project = project_around(Path.cwd())
        folder = folder if project is None else project / folder
    return Home(folder.absolute() / "local" / settings.namespace)


def is_up(settings: Settings) -> bool:
    """Whether a stack of the embedded target was made here and not taken away; its supervisor may have died."""
    return home_of(settings).supervisor.exists()
