"""What the users' own tasks come to: how many began, and which raised. Locust fires no request for that.

Loaded by `locust_bridge`; what it imports of shelterctl imports nothing of it: gevent has patched everything here. An exception that
follows a request of the same task that failed already is that failure again, and is not counted.
"""

from __future__ import annotations

import functools
from pathlib import Path
from types import TracebackType
from weakref import WeakSet

import gevent
from locust import User
from locust.user.task import TaskSet

#: A kind that is new after so many others is counted as OTHER: nothing here grows without limit.
MOST_KINDS = 50
OTHER = "(other)"


def place_of(traceback: TracebackType | None) -> str:
    """Where it was raised: the innermost line that is no installed library's."""
    found = ""
    while traceback is not None:
        path = Path(traceback.tb_frame.f_code.co_filename)
        if not {"site-packages", "dist-packages"} & set(path.parts) or not found:
            found = f"{path.name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found


def kind_of(exception: BaseException, traceback: TracebackType | None) -> str:
    """Such as `KeyError: 'id' (my_users.py:12)`."""
    words = " ".join(str(exception).split())[:80]
    place = place_of(traceback)
    return f"{type(exception).__name__}{': ' if words else ''}{words}{f' ({place})' if place else ''}"


class OwnTasks:
    """The counts since they were last taken.

    `failed_checks` are AssertionErrors, which a file raises where an answer is not what it should be; `task_errors` are all others,
    `users_ended` the users who ended by one.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._failing: WeakSet[gevent.Greenlet] = WeakSet()
        self.reset()

    def reset(self) -> None:
        self.tasks = self.users_ended = 0
        self.failed_checks: dict[str, int] = {}
        self.task_errors: dict[str, int] = {}

    def begin(self) -> None:
        """A task of this user begins."""
        self.tasks += 1
        if self._failing:
            self._failing.discard(gevent.getcurrent())

    def request_failed(self) -> None:
        """A request of this user's task was counted as failed."""
        self._failing.add(gevent.getcurrent())

    def on_user_error(self, user_instance: User | TaskSet, exception: BaseException, tb: TracebackType | None = None, **_: object) -> None:
        environment = user_instance.environment if isinstance(user_instance, User) else user_instance.user.environment
        # One that raises before its first task has none.
        self.users_ended += isinstance(user_instance, User) or not environment.catch_exceptions
        if gevent.getcurrent() in self._failing:
            return
        kind = kind_of(exception, tb)
        if kind not in self._known and len(self._known) >= MOST_KINDS:
            kind = OTHER
        self._known.add(kind)
        counts = self.failed_checks if isinstance(exception, AssertionError) else self.task_errors
        counts[kind] = counts.get(kind, 0) + 1

    def taken(self) -> dict[str, object]:
        """The counts, which begin anew."""
        found: dict[str, object] = {
            "tasks": self.tasks,
            "users_ended": self.users_ended,
            "failed_checks": self.failed_checks,
            "task_errors": self.task_errors,
        }
        self.reset()
        return found


def watch_tasks(counts: OwnTasks) -> None:
    """Counts each task of every user class: all of them come through here."""
    execute = TaskSet.execute_next_task

    @functools.wraps(execute)
    def execute_next_task(self: TaskSet) -> object:
        counts.begin()
        return execute(self)  # type: ignore[no-untyped-call]

    TaskSet.execute_next_task = execute_next_task  # type: ignore[method-assign]
