"""One command from its flags to its exit code: settings, terminal, run folder, operation, result, errors."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from shelterctl.cli.render import errors as render_errors
from shelterctl.cli.terminal import Line, Terminal
from shelterctl.cli.text import Aim, each_text
from shelterctl.core.serial import SCHEMA, JsonValue, to_json
from shelterctl.errors import ContextError, ExitCode, Interrupted, Refused, ShelterError, StateFolderError, UsageError, WaitTimeout
from shelterctl.settings import DEFAULTS, Settings, load

if TYPE_CHECKING:
    from shelterctl.adapters.runs.store import RunFolderOnDisk
    from shelterctl.core.events import Event
    from shelterctl.wiring.parts import Wiring

R = TypeVar("R")
#: The commands whose result is also rows of a spreadsheet.
TABULAR = ("runs show",)


class Display(Protocol):
    """Draws events while an operation works."""

    def __enter__(self) -> Display: ...

    def __exit__(self, *details: object) -> None: ...

    def show(self, event: Event) -> None: ...


class Session:
    """What a command works with. `run` is called once."""

    def __init__(self, name: str, flags: Mapping[str, object]) -> None:
        self.name = name
        self._flags = flags
        self.settings = Settings()
        self.terminal = Terminal()
        self.folder: RunFolderOnDisk | None = None
        self._finished = False

    def run(self, command: Callable[..., int | None], values: Mapping[str, Any]) -> int:
        """Runs the command. Every error of ours ends here, as words or as JSON, and as an exit code."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            self._prepare()
            return int(command(self, **values) or 0)
        except ShelterError as error:
            return self._failed(error, error.exit_code)
        except KeyboardInterrupt:
            return self._failed(Interrupted("interrupted"), ExitCode.INTERRUPTED)
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: whatever it is, the user gets words and not a traceback
            unexpected = ShelterError(
                f"unexpected: {type(error).__name__}: {error}",
                why="this is a fault of shelterctl itself",
                next_command="the same with --debug",
            )
            return self._failed(unexpected, ExitCode.UNEXPECTED, error)

    @property
    def wiring(self) -> Wiring:
        from shelterctl.wiring import wire

        if not hasattr(self, "_wiring"):
            self._wiring = wire(self.settings)
        return self._wiring

    def choose(self, **values: str | bool | None) -> None:
        """Settings that are options of this command alone; before anything is wired."""
        self._flags = {**self._flags, **values}
        self.settings = load(self._flags, os.environ, Path.cwd())

    def open_folder(self, command: str) -> RunFolderOnDisk:
        """The run's folder. Raises StateFolderError."""
        from shelterctl.adapters.runs.store import RunFolderOnDisk
        from shelterctl.wiring.parts import state_dir

        self.folder = RunFolderOnDisk(state_dir(self.settings), command)
        return self.folder

    def tell_place(self, folder: RunFolderOnDisk) -> None:
        """The first line of a run's events: whoever reads it knows by it of which stack it tells. Raises StateFolderError."""
        from shelterctl.core.events import TargetChosen

        place = self.wiring.place
        folder.record(TargetChosen(place.context, place.namespace, place.profile, label=place.label))

    def drive(self, operation: Generator[Event, None, R], display: Display) -> R:
        """Runs an operation to its end; each event goes to the run's folder and to the display.

        An interruption that arrives while an event is drawn is handed to the operation, which alone knows what to undo.
        """
        with display, closing(operation):
            pending: BaseException | None = None
            while True:
                try:
                    event = operation.throw(pending) if pending is not None else next(operation)
                    pending = None
                    if self.folder is not None:
                        self.folder.record(event)
                    display.show(event)
                    if self.terminal.output == "jsonl":
                        self.terminal.json({"schema": SCHEMA, "wall_s": round(time.time(), 3), **_event_json(event)})
                except StopIteration as stop:
                    value: R = stop.value
                    return value
                except BrokenPipeError:
                    self.terminal.reader_is_gone()
                    raise Interrupted(f"{self.name} was broken off: nobody reads its output any more") from None
                except KeyboardInterrupt as interruption:
                    if pending is not None:
                        raise
                    pending = interruption

    def finish(self, result: object, exit_code: int, lines: Callable[[], Iterator[Line]]) -> int:
        """Writes the result to the run's folder and prints it; returns the exit code."""
        document: dict[str, JsonValue]
        if self.folder is None:
            document = {
                "schema": SCHEMA, "command": self.name, "exit_code": exit_code, "result": self._completed(result), "error": None,
            }  # fmt: skip
        else:
            try:
                document = self.keep_result(self.folder, self.name, exit_code, result, lines())
            except StateFolderError:
                # What was found is told before what could not be kept of it.
                self.terminal.complain(lines())
                raise
            self._finished = True
        try:
            if self.terminal.output == "table":
                self.terminal.result(lines())
            else:
                self.terminal.json({"kind": "result", **document} if self.terminal.output == "jsonl" else document)
        except BrokenPipeError:
            # `| head` has read enough; what was found counts all the same.
            self.terminal.reader_is_gone()
        return exit_code

    def keep_result(
        self, folder: RunFolderOnDisk, command: str, exit_code: int, result: object, lines: Iterator[Line]
    ) -> dict[str, JsonValue]:
        """Writes a result to a run's folder, with its commands as they were shown. Raises StateFolderError."""
        return folder.finish(command, exit_code, self._completed(result), text=[self.terminal.completed(line.text) for line in lines])

    def keep_error(self, folder: RunFolderOnDisk, command: str, error: ShelterError, code: int) -> None:
        """The same for what it ended with instead. Raises StateFolderError."""
        text = [self.terminal.completed(line.text) for line in render_errors.lines(error, None)]
        folder.finish(command, code, None, text=text, error=self._told(error))

    def tell_target(self) -> None:
        """Says why this target was chosen, where nobody asked for it and another might be expected."""
        if self.wiring.note and not self.settings.quiet:
            self.terminal.complain([Line(self.wiring.note, "dim")])

    def tell_sources(self) -> None:
        """Says so where what is deployed is none of the user's. Raises UsageError where that can hardly be meant."""
        told = self.wiring.sources_meant()
        if told and not self.settings.quiet:
            self.terminal.complain([Line(told, "dim")])

    def confirm_context(self, what: str) -> None:
        """Where the target may not be the one that was meant: shows it, and asks. Raises ContextError on a no."""
        self.tell_target()
        doubt, place = self.wiring.doubt, self.wiring.place
        if not doubt:
            return
        self.terminal.complain([Line(f"{place.label} {place.context}, namespace {place.namespace}: {what}", "strong")])
        if self.settings.yes:
            return
        if not self.terminal.interactive:
            raise ContextError(f"{doubt}, and nobody can be asked", next_command="the same with --yes")
        if not self.terminal.confirm("Go on there?"):
            raise ContextError(f"nothing was done in {place.label.lower()} {place.context}")

    def confirm_loss(self, what: str) -> None:
        """Asks before data are lost. Raises Refused on a no, or where nobody can be asked."""
        if self.settings.yes:
            return
        if not self.terminal.interactive:
            raise Refused(f"{what} cannot be undone, and nobody can be asked", next_command="the same with --yes")
        if not self.terminal.confirm(f"{what} cannot be undone. Go on?"):
            raise Refused("nothing was done")

    @contextmanager
    def lock(self, what: str, kind: str = "") -> Iterator[None]:
        """Holds the stack's lock: two commands that change one stack do not work at the same time. Each `kind` is one of its own."""
        from shelterctl.adapters.runs.lock import StackLock

        place = self.wiring.place
        lock = StackLock(place.lock, place.namespace, kind)
        try:
            for holder in lock.acquire(what, timeout_s=self.settings.timeout_s):
                self.terminal.complain([Line(f"Waiting: {holder} works on {place.namespace} in {place.context}")])
        except TimeoutError as error:
            raise WaitTimeout(
                f"{error} still works on {place.namespace} in {place.context}", next_command="try again when it is done"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def others(self) -> Callable[[], str]:
        """Tells who changes the stack at the moment: empty where nobody does."""
        from shelterctl.adapters.runs.lock import StackLock

        return StackLock(self.wiring.place.lock, self.wiring.place.namespace).holder

    def _prepare(self) -> None:
        debug = bool(self._flags.get("debug"))
        self.settings = Settings(debug=debug)
        asked = self._flags.get("output")
        if asked in ("json", "jsonl"):
            # An error in the settings themselves is told to a machine as every other is.
            self.terminal = Terminal(str(asked), stdout=sys.stdout, stderr=sys.stderr)
        try:
            here = Path.cwd()
        except OSError as error:
            raise UsageError("the current folder is not there any more", why=str(error)) from error
        self.settings = load(self._flags, os.environ, here)
        if self.settings.output == "csv" and self.name not in TABULAR:
            raise UsageError(f"{self.name} has no csv", next_command="--output json, or shelterctl runs show RUN --output csv")
        self.terminal = Terminal(self.settings.output, self.settings.quiet, self.settings.verbose, sys.stdout, sys.stderr)
        self.terminal.find_aim = self._aim

    def _aim(self) -> Aim:
        """What makes a command that is shown mean the same target, namespace, project and runs as this one."""
        settings = self.settings
        try:
            wiring = self.wiring
            options, programs, doubt = [*wiring.options], wiring.programs, wiring.doubt
        except ShelterError:
            # There is no such target: the words about it stand as they are.
            return Aim()
        if settings.namespace != DEFAULTS.namespace:
            options.append(f"--namespace {settings.namespace}")
        if settings.project_dir is not None:
            options.append(f"--project-dir {shlex.quote(str(Path(settings.project_dir).resolve()))}")
        stored = () if settings.state_dir == DEFAULTS.state_dir else (f"--state-dir {shlex.quote(settings.state_dir)}",)
        return Aim(options, stored, programs, settings.yes or not self.terminal.interactive, bool(doubt))

    def _completed(self, result: object) -> JsonValue:
        return each_text(to_json(result), self.terminal.completed)

    def _told(self, error: ShelterError) -> JsonValue:
        return each_text(render_errors.as_json(error), self.terminal.completed)

    def _failed(self, error: ShelterError, code: int, cause: Exception | None = None) -> int:
        if self.settings.debug:
            import traceback

            sys.stderr.write("".join(traceback.format_exception(cause or error)))
        shown = self.terminal
        told = self._told(error)
        if self.folder is not None and not self._finished:
            with suppress(ShelterError):
                self.keep_error(self.folder, self.name, error, code)
        if shown.output != "table":
            document: dict[str, JsonValue] = {
                "schema": SCHEMA, "command": self.name, "exit_code": int(code), "result": None, "error": told,
            }  # fmt: skip
            if self.folder is not None:
                document["run"] = self.folder.run_id
            try:
                shown.json({"kind": "result", **document} if shown.output == "jsonl" else document)
            except BrokenPipeError:
                shown.reader_is_gone()
        shown.complain(render_errors.lines(error, self.folder.run_id if self.folder else None))
        return int(code)


def _event_json(event: Event) -> dict[str, JsonValue]:
    from shelterctl.core.events import event_to_json

    return event_to_json(event)
