"""What an answer or an error of the load is: its kind in a word, whose fault it is, what is odd about it.

Imported into Locust's process too: it imports nothing but the standard library.
"""

from __future__ import annotations

import errno
import json
import re
import ssl

#: Errors of this machine: no file descriptor, no port, no buffer or no memory left.
OWN_ERRORS = frozenset((errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM))
#: How an answer begins that calls itself well and carries an error.
ERROR_HEAD = re.compile(rb'\s*{\s*"errors?"')


def kind_of(response: object, exception: object) -> str:
    """A failure's kind: its HTTP status, the system's name for the error, the check that failed, or the exception's type."""
    status = getattr(response, "status_code", 0) or 0
    if status >= 400:
        return f"HTTP {status}"
    exception = getattr(exception, "original", exception)  # geventhttpclient wraps the last of its attempts
    number = errno_of(exception)
    if number is not None:
        return f"{type(exception).__name__} {errno.errorcode[number]}"
    if type(exception).__name__ in ("CatchResponseError", "str"):
        return str(exception)[:80]
    return type(exception).__name__


def errno_of(exception: object) -> int | None:
    """The system's number for the error, of whichever error lies at its root; None where it has none."""
    seen = 0
    while exception is not None and seen < 10:
        number = getattr(exception, "errno", None)
        # OpenSSL counts its own kinds of errors there.
        if isinstance(number, int) and number in errno.errorcode and not isinstance(exception, ssl.SSLError):
            return number
        linked = (getattr(exception, name, None) for name in ("original", "reason", "__cause__", "__context__"))
        # requests wraps the error of urllib3, which wraps the system's.
        arguments = getattr(exception, "args", ())
        candidates = [*linked, *(arguments if isinstance(arguments, tuple) else ())]
        exception = next((item for item in candidates if isinstance(item, BaseException)), None)
        seen += 1
    return None


def oddity_of(response: object) -> str:
    """What is odd about an answer that counts as well; empty where nothing is."""
    if getattr(response, "history", None):
        return "redirected"
    # The first bytes tell: each answer is looked at, and few are parsed.
    content = getattr(response, "content", None)
    if not isinstance(content, bytes) or getattr(response, "status_code", 0) != 200 or not ERROR_HEAD.match(content):
        return ""
    try:
        document = json.loads(content)
    except ValueError:
        return ""
    return "status 200 with an error in its JSON" if document.get("error") or document.get("errors") else ""


def is_own(exception: object) -> bool:
    """Whether this machine caused the failure, and not the service. The system's error says so: words that end alike do not."""
    return errno_of(exception) in OWN_ERRORS
