"""The image's HEALTHCHECK: exit 0 if the liveness port answers 200. Standard library only, for it runs often."""

from __future__ import annotations

import http.client
import os
import sys


def main() -> int:
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("SHELTER_LIVE_PORT") or "8001"), timeout=2)
    try:
        connection.request("GET", "/health/live")
        return 0 if connection.getresponse().status == 200 else 1
    except (OSError, http.client.HTTPException) as error:
        print(f"not live: {error}", file=sys.stderr)  # noqa: T201 - shown by `docker inspect`
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
