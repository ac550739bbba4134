"""What keeps a stranger's write from a route, in the ways in which people write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.core.stack import requests
from tests.adapters.stack.test_sources import read

pytestmark = pytest.mark.unit

ONE_WRITE = """
from flask import Flask, request, abort, redirect
app = Flask(__name__)
{before}

@app.post("/data")
{decorator}
def store():
    db.things.insert_one(request.get_json())
"""


@pytest.mark.parametrize(
    "decorator",
    [
        "@require_login", "@requires_login", "@auth_required", "@auth.required", "@token_auth.login_required", "@jwt_required()",
        "@require_api_key", "@requires_auth", "@api_key_required", "@require_oauth('write')", "@roles_accepted('editor')",
        "@login_is_required", "@admin_required", "@require_auth", "@protected", "@permission_required('write')",
        "@auth.login_required(role='a')",
    ],
)  # fmt: skip
def test_a_decorator_that_wants_a_login_keeps_a_route_from_being_guessed(tmp_path: Path, decorator: str) -> None:
    found = read(tmp_path, app_py=ONE_WRITE.format(before="", decorator=decorator))
    assert found.routes[0].guarded == decorator.strip("@").partition("(")[0]
    assert requests.choose(found).write is None


@pytest.mark.parametrize(
    "decorator",
    [
        "",
        "@limiter.limit('9/s')",
        "@requires_json",
        "@csrf.exempt",
        "@cross_origin()",
        "@timed_key",
        "@json_keys_required('n')",
        "@author_required",
    ],
)
def test_any_other_decorator_keeps_nobody_away(tmp_path: Path, decorator: str) -> None:
    assert requests.choose(read(tmp_path, app_py=ONE_WRITE.format(before="", decorator=decorator))).write is not None


@pytest.mark.parametrize(
    ("before", "guard"),
    [
        ("csrf = CSRFProtect(app)", "CSRFProtect"),
        ("csrf = flask_wtf.CSRFProtect()\ncsrf.init_app(app)", "flask_wtf.CSRFProtect"),
        ("csrf = CSRFProtect(app)\ncsrf.exempt(store)", ""),
        ("csrf = CSRFProtect(app)\ncsrf.exempt('other')\napp.config['WTF_CSRF_ENABLED'] = False", ""),
        ("@app.before_request\ndef gate():\n    if 'x' not in request.headers:\n        abort(401)", "gate"),
        ("@app.before_request\ndef gate():\n    if not known():\n        return redirect('/login')", "gate"),
        ("@app.before_request\ndef gate():\n    if not known():\n        return {'error': 'who are you'}, 403", "gate"),
        ("def gate():\n    abort(403)\napp.before_request(gate)", "gate"),
        ("@app.before_request\ndef gate():\n    if not request.path.startswith('/health'):\n        abort(401)", "gate"),
        ("@app.before_request\ndef gate():\n    if request.path.startswith('/admin') and not known():\n        abort(401)", ""),
        ("@app.before_request\ndef gate():\n    if request.path.startswith(('/d', '/admin')) and not known():\n        abort(401)", "gate"),
        ("@app.before_request\ndef count():\n    g.began = time()", ""),
        ("@app.before_request\ndef size():\n    if request.content_length > 9:\n        abort(413)", ""),
        ("@pages.before_request\ndef gate():\n    abort(401)", ""),
    ],
)
def test_what_stands_before_the_whole_application_keeps_its_writes(tmp_path: Path, before: str, guard: str) -> None:
    found = read(tmp_path, app_py=ONE_WRITE.format(before=before, decorator=""))
    assert found.routes[0].guarded == guard
    assert (requests.choose(found).write is None) is bool(guard)
