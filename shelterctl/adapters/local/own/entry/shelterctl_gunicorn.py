"""gunicorn's configuration for a user's application: their own file, and what several servers of one machine need beside it."""

import os
import runpy

_theirs = os.environ.get("SHELTERCTL_GUNICORN_CONFIG", "")
if _theirs:
    globals().update({name: value for name, value in runpy.run_path(_theirs).items() if not name.startswith("__")})
# Versions that have one keep it in the home folder, one for all servers; those that have none pass over it.
control_socket_disable = True
daemon = False
reload = False
pidfile = None
