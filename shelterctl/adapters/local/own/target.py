"""The Target port for a user's own stack as processes of this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from shelterctl.adapters.local import ports
from shelterctl.adapters.local.home import Home, write_json
from shelterctl.adapters.local.manifest import Manifest
from shelterctl.adapters.local.own import manifest, mariadb, refusals, variables
from shelterctl.adapters.local.own.packages import Packages
from shelterctl.adapters.local.own.passwords import GeneratedPasswords
from shelterctl.adapters.local.own.start import Start, start
from shelterctl.adapters.local.spec import LocalSpec, ReplicaSpec
from shelterctl.adapters.local.target import Ingredients, LocalTarget
from shelterctl.core.deploy.stack import ObjectChange, StackOptions, StackPlan
from shelterctl.core.stack.stack import Stack
from shelterctl.errors import PrerequisiteError, Refused, UsageError

#: The start of gunicorn's configuration and of what stands in for a development server.
_ENTRY = Path(__file__).with_name("entry")
USERS = "users.json"


@dataclass(frozen=True)
class OwnIngredients:
    """What the stack's plan is made of beside its manifests. With `insist` what can be left out is."""

    stack: Callable[[], Stack]
    packages: Callable[[], Packages]
    passwords: GeneratedPasswords
    insist: bool = False


class OwnTarget(LocalTarget):
    """The stack that somebody else wrote."""

    def __init__(self, home: Home, namespace: str, ingredients: Ingredients, own: OwnIngredients) -> None:
        super().__init__(home, namespace, ingredients)
        self._own = own

    def check(self) -> tuple[str, ...]:
        """Sentences about what is not as on a cluster. Raises Refused, UsageError for what cannot be had here; starts nothing."""
        stack = self._own.stack()
        told = refusals.check(stack, insist=self._own.insist)
        found = self._variables
        if stack.roles.database is not None and not found.leads:
            service = next((each.name for each in stack.services_of(stack.roles.database)), "")
            raise Refused(
                "no variable of the application names its database, so that it cannot be led to the one on this machine",
                why=f"{service or 'the database'} is a name within a cluster; nothing was started",
                next_command="the address from a variable in the sources, or --target minikube",
            )
        if found.port_wanted is not None and not self._client.find().runs:
            self._need_port(found.port_wanted)
        packages = self._own.packages()
        _ = packages.files
        unsaid = [f"`RUN {line}` of the Dockerfile is not done here" for line in packages.recipe.undone]
        return (*told, *filter(None, (self._start.deviation, packages.deviation)), *unsaid, *manifest.deviations(stack))

    def _need_port(self, port: int) -> None:
        """Raises PrerequisiteError where the database cannot listen where the sources look for it."""
        try:
            ports.check(port)
        except PrerequisiteError as error:
            raise PrerequisiteError(
                f"port {port} is taken, and no variable tells the application another one for its database",
                why=error.why,
                next_command="end what listens there, or the port from a variable in the sources",
            ) from error

    def plan(self, options: StackOptions) -> StackPlan:
        if options.database_uri is not None:
            raise UsageError(
                f"--mongo-uri: {self._own.stack().folder} names its database by itself", next_command="its manifests name another one"
            )
        told = self.check()
        return replace(super().plan(options), edits=told)

    def ensure_credentials(self, plan: StackPlan, *, force: bool = False) -> tuple[tuple[str, ...], tuple[ObjectChange, ...]]:
        """The database takes the users that the manifests speak of, with the passwords that they have, or that were generated for them."""
        self._home.make()
        self._home.secrets.mkdir(mode=0o700, exist_ok=True)
        self._own.passwords.keep()
        users = [list(each) for each in variables.logins(self._own.stack())]
        write_json(self._home.secrets / USERS, {"users": users})
        if mariadb.needs(self._own.stack()):
            mariadb.write_secrets(self._home, mariadb.credentials(self._own.stack()))
        return (), ()

    @cached_property
    def _variables(self) -> variables.Variables:
        return variables.of_application(self._own.stack())

    @cached_property
    def _start(self) -> Start:
        """The manifest's command, else the image's."""
        app = self._own.stack().roles.app
        assert app is not None
        recipe = self._own.packages().recipe
        found = self._variables
        return start(app.containers[0].command or recipe.command, {**recipe.environment, **found.fixed})

    def _manifest(self) -> Manifest:
        return manifest.read(self._own.stack())

    def _replica(self, options: StackOptions, found: Manifest) -> ReplicaSpec:
        begun, recipe = self._start, self._own.packages().recipe
        folder = self._ingredients.image_folder(options.image)
        config = begun.config or ("gunicorn.conf.py" if (folder / "gunicorn.conf.py").is_file() else "")
        told = {**recipe.environment, **self._variables.fixed, **begun.variables}
        told.pop("PATH", None)
        told["PYTHONPATH"] = ":".join(filter(None, (str(_ENTRY), told.get("PYTHONPATH", ""))))
        if config:
            told["SHELTERCTL_GUNICORN_CONFIG"] = str(folder / config)
        application = (begun.application,) if begun.application else ()
        return replace(
            super()._replica(options, found),
            environment=told,
            arguments=("--config", str(_ENTRY / "shelterctl_gunicorn.py"), *begun.options, *application),
            late=self._variables.late,
            probed=manifest.probed(self._own.stack()),
        )

    def _spec(self, options: StackOptions) -> LocalSpec:
        return replace(super()._spec(options), database_port=self._variables.port_wanted, deviations=self.check())
