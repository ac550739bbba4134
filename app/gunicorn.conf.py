"""gunicorn's configuration: one worker of eight threads; replicas are for scale."""

import os
import sys

from shelter_app.server import JsonAccessLogger, adapt_gunicorn, serve_liveness
from shelter_app.settings import REQUEST_THREADS, SettingsError, load_settings

try:
    # Here as well as in the worker: the arbiter would otherwise bury the message in a traceback of the worker.
    _settings = load_settings()
except SettingsError as error:
    sys.exit("\n".join(f"shelter-app: {line}" for line in str(error).splitlines()))

wsgi_app = "shelter_app:create_app()"
bind = [f"{_settings.bind_host}:{_settings.http_port}"]
worker_class = "gthread"
workers = 1
threads = REQUEST_THREADS
timeout = 30
# With the preStop sleep before it, less than the pod's terminationGracePeriodSeconds.
graceful_timeout = 20
keepalive = 5
# The heartbeat's file: in memory, for the root file system is read-only and a slow disk would look like a dead worker.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"  # noqa: S108 - a tmpfs in the pod
# It would be written under $HOME, which is read-only.
control_socket_disable = True
accesslog = "-" if _settings.access_log else None
logger_class = JsonAccessLogger


def post_worker_init(worker):  # type: ignore[no-untyped-def]  # gunicorn counts the arguments and has no types
    adapt_gunicorn(_settings.pod_name)
    serve_liveness(worker, _settings)
