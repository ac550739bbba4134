"""What a command may ask of any target, and the adapters that are the same for all of them."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shelterctl.adapters.clock import SystemClock
from shelterctl.errors import UsageError
from shelterctl.ports.capabilities import Lacking
from shelterctl.settings import FILE_NAME

if TYPE_CHECKING:
    from shelterctl.adapters.http_client import HttpxClient
    from shelterctl.adapters.http_question import Urllib3Client
    from shelterctl.adapters.machine import Processor
    from shelterctl.adapters.swarm.runner import LocustRunner
    from shelterctl.core.stack.exchange import Exchange
    from shelterctl.core.stack.service_routes import ServiceRoutes
    from shelterctl.core.state import Place
    from shelterctl.ops.chaos.dialogue import Dialogue
    from shelterctl.ops.load_inside import InsidePorts
    from shelterctl.ops.load_learned import Learns
    from shelterctl.ops.up.answer import Answers
    from shelterctl.ports.build import Builder, Publisher, Scanner
    from shelterctl.ports.capabilities import DnsProber, NodeImages, Policies
    from shelterctl.ports.checkup import CheckupRepairs, ClusterFacts, Examiner
    from shelterctl.ports.faults import DatabaseReader, FaultInjector
    from shelterctl.ports.target import Preparation, Target
    from shelterctl.settings import Settings


class Wiring(ABC):
    """The adapters of one command. A property is made once, when it is asked for; a method makes a new one each time.

    Heavy packages are imported where they are used: `--help` and `status` pay for nothing else.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()

    def publisher(self) -> Publisher | None:
        """What gives images to a registry, where any go to one. Raises UsageError where this stack's do not."""
        if self.settings.registry is not None:
            raise UsageError("--registry: the images of a stack of your own go to one, on a cluster", next_command="shelterctl inspect")
        return None

    def foresee(self, overlay: str) -> None:  # noqa: B027 - most have nothing to begin
        """Begins what an `up` of this overlay needs and takes a while; tells nothing, and changes nothing."""

    def check_choice(self) -> None:  # noqa: B027 - most can do all of it
        """Raises UsageError for what this `up` was asked to do, and what this target cannot."""

    def keep_choice(self) -> None:  # noqa: B027 - most have nothing to keep
        """Keeps what this `up` chose, for the commands after it. Raises StateFolderError."""

    # What each target has.

    @property
    @abstractmethod
    def place(self) -> Place:
        """Where the stack is. `context` and `namespace` together are the key of the stack's lock."""

    @property
    @abstractmethod
    def doubt(self) -> str:
        """Why somebody must say that this is the target that was meant; empty where that is plain."""

    @property
    def note(self) -> str:
        """Why this target was chosen, where nobody asked for it and another might be expected; with how to get that one."""
        return ""

    #: Whether the stack is its user's own, and so are the names of its parts.
    owners = False
    #: Why `prove` has the database's pod deleted instead of killing its process; empty where it can be killed.
    no_kill_of_a_process = ""
    #: How many users may go on while the database is killed; None where as many as were asked for.
    users_under_fault: int | None = None
    #: How many the load of `prove` has where nobody says it; None for the command's own number.
    users_of_proof: int | None = None

    @property
    def options(self) -> Sequence[str]:
        """What a shelterctl command line must carry to mean this target; none where it means it by itself."""
        return ()

    @property
    def programs(self) -> Mapping[str, str]:
        """The same for other programs that this target's words name, by the program."""
        return {}

    @property
    @abstractmethod
    def target(self) -> Target: ...

    @property
    @abstractmethod
    def builder(self) -> Builder: ...

    @property
    @abstractmethod
    def preparation(self) -> Preparation: ...

    @property
    @abstractmethod
    def database(self) -> DatabaseReader: ...

    @abstractmethod
    def faults(self) -> FaultInjector:
        """A new injector; it is used for one fault."""

    @abstractmethod
    def check_running(self) -> None:
        """Raises PrerequisiteErrors where the target is known to be stopped, with what starts it; asks nothing of it else."""

    @abstractmethod
    def examiner(self) -> Examiner: ...

    def scaling_facts(self) -> ClusterFacts | None:
        """A look at what the autoscaler's figures rest on; None where the stack's state has all of it."""
        return None

    @abstractmethod
    def repairs(self) -> CheckupRepairs: ...

    @abstractmethod
    def versions(self) -> Mapping[str, Callable[[], str]]:
        """What the target works with, by name; each raises ShelterError where it cannot tell."""

    # What only some targets have.

    @property
    @abstractmethod
    def images(self) -> Callable[[], NodeImages] | Lacking:
        """Opens the nodes' images; the target must be running by then."""

    @property
    def scanner(self) -> Scanner | Lacking:
        """What looks into the images that are built here."""
        return Lacking("no image is built for this target: there is nothing that --scan could look into")

    @property
    @abstractmethod
    def names(self) -> DnsProber | Lacking: ...

    @property
    @abstractmethod
    def policies(self) -> Policies | Lacking: ...

    # What is the same for all.

    @cached_property
    def project(self) -> Path:
        """The folder that holds `app/` and `manifests/`. Raises UsageError where there is none."""
        return project_folder(self.settings)

    def load_inside(self) -> InsidePorts | Lacking:
        """What a load needs whose generator runs inside the target."""
        return Lacking("this target has no inside to run a load in", "its replicas are processes of this machine", "leave --in-cluster out")

    def sources_meant(self) -> str:
        """Words on whose sources are deployed, where nobody named them and none are here: those that come with the tool.

        Raises UsageError where they can hardly be meant: somebody's own project is here, and what would be proved is another one.
        """
        if self.settings.project_dir is not None or project_around(Path.cwd()) is not None:
            return ""
        from shelterctl.adapters.stack.looks import somebodys_work

        _ = self.project
        work = somebodys_work(Path.cwd())
        if work:
            raise UsageError(
                "no stack was recognized here, and the one that comes with shelterctl can hardly be meant",
                why=f"this folder has files of its own ({work})",
                next_command="shelterctl inspect   (what is missing; or, for that one: shelterctl new my-shelter && cd my-shelter)",
            )
        return "The application that comes with shelterctl: this folder has none"

    def generator(self) -> LocustRunner:
        from shelterctl.adapters.swarm.runner import LocustRunner

        return LocustRunner()

    def processor(self) -> Processor:
        """This machine, where a load comes from it."""
        from shelterctl.adapters.machine import Processor

        return Processor()

    def question(self) -> Urllib3Client:
        """A client for a single question, which costs little to load."""
        from shelterctl.adapters.http_question import Urllib3Client

        return Urllib3Client()

    def load_file(self) -> tuple[Path, Mapping[str, str]]:
        """The Locust file of this stack's users, and what it finds in its environment. Raises UsageError."""
        return self.project / "locustfiles" / "shelter.py", {}

    def request_file(self) -> Path:
        """The Locust file of users who send one request. Raises UsageError."""
        return carried_file("locustfiles/request.py")

    def dialogue(self) -> Dialogue:
        """How the application is written to, and read."""
        from shelterctl.ops.chaos.dialogue import EchoedIds

        return EchoedIds(self.exchange)

    def learning(self) -> Learns | None:
        """What learns, before a load, what acknowledges a write; None where the users' file knows it."""
        return None

    def answers(self) -> Answers:
        """Shows that what was deployed answers."""
        from shelterctl.ops.up.answer import VersionAnswers

        return VersionAnswers(self.question(), self.clock, self.routes.version)

    @cached_property
    def exchange(self) -> Exchange:
        """How the application is written to and read, as its shelterctl.toml says it. Raises UsageError."""
        from shelterctl.core.stack import exchange

        return exchange.stated(*self.told)

    @cached_property
    def routes(self) -> ServiceRoutes:
        """The routes by which the application tells of itself, as its shelterctl.toml says them. Raises UsageError."""
        from shelterctl.core.stack import service_routes

        return service_routes.of(self.told[1])

    @cached_property
    def told(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """[writes] and [reads] of the project's own file; what a copy's file leaves out is as in the one that it was copied from."""
        from shelterctl.adapters.stack import config

        mine, carried = config.read(self.project), config.read(carried_file(FILE_NAME).parent)
        return {**carried.writes, **mine.writes}, {**carried.reads, **mine.reads}

    def http(self) -> HttpxClient:
        """A new client, with connections of its own."""
        from shelterctl.adapters.http_client import HttpxClient

        return HttpxClient()


def project_folder(settings: Settings) -> Path:
    """The named folder, else the nearest one from here upwards, else what is installed beside shelterctl. Raises UsageError."""
    if settings.project_dir is not None:
        folder = Path(settings.project_dir)
        if not is_project(folder):
            raise UsageError(f"--project-dir {folder}: it has no app/ and manifests/")
        return folder.resolve()
    package = Path(__file__).resolve().parents[1]
    carried = (place for place in (package.parent, package / "_project") if is_project(place))
    found = project_around(Path.cwd()) or next(carried, None)
    if found is None:
        raise UsageError("no app/ and manifests/ here or above", next_command="--project-dir names the folder that has them")
    return found


def carried_file(name: str) -> Path:
    """A file of the tool's own project: beside the package in a checkout, within it where it was installed."""
    package = Path(__file__).resolve().parents[1]
    return next(place / name for place in (package.parent, package / "_project") if is_project(place))


def copy_project(settings: Settings, target: Path) -> tuple[str, ...]:
    """Copies the project's sources into a folder. Raises UsageError, StateFolderError."""
    from shelterctl.adapters.project_copy import copy_out

    return copy_out(project_folder(settings), target)


def project_around(folder: Path) -> Path | None:
    """The nearest project from a folder upwards."""
    return next((place for place in (folder, *folder.parents) if is_project(place)), None)


def is_project(folder: Path) -> bool:
    """Whether a folder holds the tool's own sources or a copy of them. Others have folders of those names, too."""
    there = (folder / "app" / "Dockerfile").is_file() and (folder / "manifests" / "overlays").is_dir()
    if not there or (folder / "app" / "shelter_app").is_dir():
        return there
    from shelterctl.adapters.stack.looks import IDS, accounting

    return accounting(folder) == IDS


def state_dir(settings: Settings) -> Path:
    """The folder for the runs."""
    return Path(os.path.expanduser(settings.state_dir))  # noqa: PTH111 - Path.expanduser raises where there is no home folder
