"""What a container's last lines say of its end."""

from __future__ import annotations

import pytest

from shelterctl.core.deploy.crash import crash_cause

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("WARNING: MongoDB 5.0+ requires a CPU with AVX support, and your current system does not appear to have that!", "mongo:4.4"),
        (
            '{"s":"F","c":"CONTROL","id":20573,"msg":"Wrong mongod version","attr":{"error":"UPGRADE PROBLEM: Found an invalid '
            'featureCompatibilityVersion document"}}',
            "another major version of MongoDB",
        ),
        ("[ERROR] [MY-012574] [InnoDB] Unable to lock ./ibdata1 error: 11", "strategy: Recreate"),
        ("[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified", "without a password"),
        ("Error: Database is uninitialized and superuser password is not specified.", "without a password"),
        ('initdb: error: directory "/var/lib/postgresql/data" exists but is not empty', "not empty at /var/lib/postgresql/data "),
        ("ImportError: cannot import name 'url_quote' from 'werkzeug.urls' (/usr/lib/werkzeug/urls.py)", "add Werkzeug<3"),
        ("ModuleNotFoundError: No module named 'flask_cors'", "no Python module flask_cors:"),
        ("Failed to find attribute 'app' in 'main'.", "no app in module main:"),
        ("exec /usr/local/bin/python: exec format error", "another kind of processor"),
        ("exec /app/start.sh: no such file or directory", "/app/start.sh cannot be started"),
        (
            "pymongo.errors.ServerSelectionTimeoutError: mongodb-service:27017: [Errno -2] Name or service not known (configured timeouts: "
            "socketTimeoutMS: 20000.0ms), Timeout: 30s",
            "the name mongodb-service does not resolve",
        ),
        (
            "mysql.connector.errors.ProgrammingError: 1045 (28000): Access denied for user 'flask'@'10.244.0.9' (using password: YES)",
            "user flask",
        ),
        ("Authentication failed., full error: {'ok': 0.0, 'code': 18, 'codeName': 'AuthenticationFailed'}", "authSource=admin"),
        (
            "pymongo.errors.OperationFailure: command insert requires authentication, full error: {'ok': 0.0, 'code': 13}",
            "names none",
        ),
        ("MySQLdb.OperationalError: (2005, \"Unknown server host 'mysql-db' (-2)\")", "the name mysql-db does not resolve"),
        ('psycopg2.OperationalError: could not translate host name "db" to address: Name or service not known', "the name db does"),
        ('FATAL:  password authentication failed for user "flask"', "user flask with this password"),
        (
            "pymongo.errors.ServerSelectionTimeoutError: localhost:27017: [Errno 111] Connection refused, Timeout: 30s",
            "at localhost:27017:",
        ),
        ("OSError: [Errno 98] Address already in use", "taken in the pod"),
        ("OSError: [Errno 30] Read-only file system: '/app/uploads'", "it writes /app/uploads"),
    ],
)
def test_a_cause_by_its_words(line: str, words: str) -> None:
    assert words in crash_cause(1, "someuser/notes:1", ["Starting", line, "Stopping"])


@pytest.mark.parametrize(
    ("exit_code", "image", "words"),
    [
        (132, "mongo:7", "AVX"),
        (132, "docker.io/library/mongo", "AVX"),
        (132, "someuser/notes:1", ""),
        (132, "mongo-express:1", ""),
        (62, "mongo:8", "another major version"),
        (62, "mysql:8.4", ""),
        (1, "mongo:8", ""),
        (None, "mongo:8", ""),
    ],
)
def test_a_cause_by_the_exit_code_is_that_images_alone(exit_code: int | None, image: str, words: str) -> None:
    found = crash_cause(exit_code, image, ["exited"])
    assert words in found if words else found == ""


@pytest.mark.parametrize("line", ["", "Traceback (most recent call last):", "KeyError: 'url_quote'", "GET /data 500", "Access denied"])
def test_what_is_not_known_is_not_guessed(line: str) -> None:
    assert crash_cause(1, "someuser/notes:1", [line]) == ""
