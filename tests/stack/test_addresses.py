"""The hosts that an application looks for: of its variables, of its sources' defaults, of what its sources give to a client."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.stack import reader
from shelterctl.core.dns.expectations import record_expectations
from shelterctl.core.dns.records import DnsScene, DnsService, ResolverConfig
from shelterctl.core.stack.inspection import inspect
from shelterctl.core.stack.model import Weight
from shelterctl.core.stack.stack import Stack
from shelterctl.core.stack.told import addresses
from tests.stack.clean import changed, laid

pytestmark = pytest.mark.unit

READ = 'os.environ["MONGO_URI"]'
SET = """          env:
            - name: MONGO_URI
              value: mongodb://mongo:27017/shop?journal=true
"""
NOT_SET = changed("k8s/web.yaml", (SET, ""))
OF_CLIENT = "the host of MongoClient in the sources says mangodb-service"
DEFAULT = "Deployment/web sets no {}, and its default in the sources says mangodb-service"


def stack_of(tmp_path: Path, given: str, *files: dict[str, str], above: str = "", plain: bool = False) -> Stack:
    """The clean stack with another expression for the address of its database; no variable is set where it is not `plain`."""
    source = changed("app.py", (READ, given), ("app = Flask(__name__)\n", f"app = Flask(__name__)\n{above}"))
    return reader.read(laid(tmp_path / "shop", source, *([] if plain else [NOT_SET]), *files))


@pytest.mark.parametrize(
    ("given", "above", "said"),
    [
        ('"mongodb://mangodb-service:27017/shop"', "", OF_CLIENT),
        ('host="mangodb-service", port=27017', "", OF_CLIENT),
        ('"mangodb-service", 27017', "", OF_CLIENT),
        ("WHERE", 'WHERE = "mongodb://root:secret@mangodb-service/shop"\n', OF_CLIENT),
        (
            'f"mongodb://{app.config[\'USER\']}:{app.config[\'WORD\']}@mangodb-service:27017"', "",
            OF_CLIENT,
        ),
        ("**OPTIONS", 'OPTIONS = {"host": "mangodb-service", "tz_aware": True}\n', OF_CLIENT),
        (
            'os.environ.get("MONGO_URI", "mongodb://mangodb-service:27017")', "",
            DEFAULT.format("MONGO_URI"),
        ),
        (
            'os.getenv("MONGO_HOST", "mangodb-service")', "",
            DEFAULT.format("MONGO_HOST"),
        ),
        (
            'os.environ.get("MONGO_URI") or "mongodb://mangodb-service"', "",
            DEFAULT.format("MONGO_URI"),
        ),
    ],
)  # fmt: skip
def test_a_host_of_the_sources_that_names_no_service_is_found(given: str, above: str, said: str, tmp_path: Path) -> None:
    stack = stack_of(tmp_path, given, above=above)
    (finding,) = [finding for finding in stack.findings if finding.code == "host-names-no-service"]
    line = 7 if "OPTIONS" in given else 7 + above.count("\n")
    assert (finding.what, finding.weight) == (f"{said}, and no Service is called mangodb-service", Weight.BLOCKS)
    assert str(finding.origin) == f"app.py:{line}"
    assert addresses.nowhere(stack) == ("mangodb-service",)
    told = inspect(stack)
    assert any("leads to mangodb-service" in fact.text and fact.origin == finding.origin for fact in told.facts)
    assert "secret" not in repr(told).replace("secrets", "")


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ('"mongodb://mongo:27017/shop"', False),
        ('os.environ.get("MONGO_URI", "mongodb://mongo:27017")', False),
        ('os.environ.get("MONGO_URI", "mongodb://mangodb-service:27017")', True),
        ('os.environ.get("MONGO_URI", "mongodb://localhost:27017")', True),
        ('os.environ.get("MONGO_URI") or "mongodb://localhost:27017"', True),
        ('os.environ["MONGO_URI"] if os.environ.get("POD") else "mongodb://localhost"', True),
        ('"mongodb://cluster0.example.net/shop"', False),
    ],
)
def test_a_host_that_leads_to_the_database_or_is_overruled_is_no_fault(given: str, plain: bool, tmp_path: Path) -> None:
    stack = stack_of(tmp_path, given, plain=plain)
    assert [finding.what for finding in stack.findings if finding.weight is Weight.BLOCKS] == []
    assert addresses.nowhere(stack) == ()
    assert "mangodb-service" not in addresses.hosts(stack)


@pytest.mark.parametrize(
    ("given", "above", "files"),
    [
        # A script beside the application: nothing imports it.
        ('"mongodb://mongo:27017"', "", {"seed.py": 'from pymongo import MongoClient\nMongoClient("mongodb://localhost")\n'}),
        # The image sets what the manifest does not.
        (
            'os.environ.get("MONGO_URI", "mongodb://localhost")', "",
            {"Dockerfile": "FROM python:3.13-slim\nENV LEVEL=info MONGO_URI=mongodb://mongo:27017\nCOPY app.py .\n"},
        ),
        # A file that is read when it starts sets it, or may.
        ('os.environ.get("MONGO_URI", "mongodb://localhost")', "load_dotenv()\n", {}),
        # One of several: which is taken is not known, and one of them leads to the database.
        ('os.environ.get("MONGO_URI", "mongodb://localhost")', 'INSIDE = "mongodb://mongo:27017"\n', {}),
    ],
)  # fmt: skip
def test_what_may_be_overruled_is_no_fault(given: str, above: str, files: dict[str, str], tmp_path: Path) -> None:
    stack = stack_of(tmp_path, given, files, above=above)
    blocking = [finding.what for finding in stack.findings if finding.weight is Weight.BLOCKS]
    assert [what for what in blocking if "sources" in what] == []


def test_a_module_that_the_application_imports_counts(tmp_path: Path) -> None:
    store = 'from pymongo import MongoClient\nclient = MongoClient(\n    "mongodb://mangodb-service"\n)\n'
    stack = stack_of(tmp_path, '"mongodb://mangodb-service"', {"shop/store.py": store}, above="from shop import store\n")
    assert [(each.hosts, str(each.origin)) for each in stack.sources.addresses] == [
        (("mangodb-service",), "app.py:8"),
        (("mangodb-service",), "shop/store.py:3"),
    ]


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ('mysql.connector.connect(host="db", user="shop")', "db"),
        ('pymysql.connect(host="db.data.svc.cluster.local", port=3306)', "db.data.svc.cluster.local"),
        ('MySQLdb.connect("db", "shop", "word")', "db"),
        ('create_engine("mysql+pymysql://shop:word@db:3306/shop")', "db"),
        ('psycopg2.connect("host=db dbname=shop user=shop password=word")', "db"),
        ('PyMongo(app, uri="mongodb://db:27017/shop")', "db"),
    ],
)
def test_each_client_is_known_by_what_it_is_given(line: str, host: str, tmp_path: Path) -> None:
    stack = stack_of(tmp_path, READ, above=f"other = {line}\n")
    (found,) = stack.sources.addresses
    assert (addresses.name_of(found.hosts[0]), str(found.origin)) == (host, "app.py:7")
    assert host in addresses.hosts(stack)
    assert "word" not in repr(found).replace("password", "")


@pytest.mark.parametrize("key", ["MONGO_URI", "SQLALCHEMY_DATABASE_URI"])
def test_the_setting_of_an_extension_counts(key: str, tmp_path: Path) -> None:
    stack = stack_of(tmp_path, READ, above=f'app.config["{key}"] = "mongodb://db:27017/shop"\n')
    assert [(each.name, each.hosts) for each in stack.sources.addresses] == [(key, ("db:27017",))]


def test_dns_asks_for_the_hosts_of_the_sources() -> None:
    service = DnsService("mongo", "default", cluster_ips=("10.96.0.9",))
    scene = DnsScene(
        "web-1", "default", ResolverConfig(("10.96.0.10",), ("default.svc.cluster.local", "svc.cluster.local", "cluster.local"), 5),
        (service,), hosts=("mongo", "mangodb-service", "db.example.net"), nowhere=("mangodb-service",),
    )  # fmt: skip
    asked = [each for each in record_expectations(scene, "cluster.local", "absent") if each.subject.startswith("application's host")]
    assert {(each.query.name, each.records, each.anything) for each in asked} == {
        ("mongo", ("10.96.0.9",), False),
        ("mangodb-service", (), True),
    }


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ("", {"acknowledged-before-journaled", "driver-default-timeout"}),
        ("?journal=true", {"driver-default-timeout"}),
        ("?w=0&serverSelectionTimeoutMS=900", {"never-acknowledged"}),
        ("?journal=true&timeoutMS=900", set()),
    ],
)
def test_the_options_of_a_uri_in_the_sources_count(options: str, codes: set[str], tmp_path: Path) -> None:
    source = changed("app.py", (READ + ", serverSelectionTimeoutMS=2000", f'"mongodb://mongo:27017/shop{options}"'))
    stack = reader.read(laid(tmp_path / "shop", source, NOT_SET))
    assert {finding.code for finding in stack.findings} == codes
