"""A load from its options, and the command line that means the same load for longer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shelterctl.cli.loading import Asked, overruled, plan_of
from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.load.shape import SOAK_S, Stage
from shelterctl.errors import UsageError
from shelterctl.settings import Settings

pytestmark = pytest.mark.unit


def plan(asked: Asked, **settings: object) -> LoadPlan:
    return plan_of(asked, replace(Settings(), **settings), "http://service", (Path("shelter.py"), {}), Path("request.py"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "again"),
    [
        (Asked(), ()),
        (Asked(think="50ms"), ("--think 50ms",)),
        (Asked(concurrency=5, requests=200), ("--think 0s",)),
        (Asked(rate="300/s", path="/data?limit=1"), ("--rate 300/s", "--path '/data?limit=1'")),
    ],
)
def test_what_is_said_again_means_the_same_users(asked: Asked, again: tuple[str, ...]) -> None:
    assert plan(asked).asked == again


def test_users_who_never_pause_are_the_same_by_either_option() -> None:
    assert plan(Asked(concurrency=5)).think_s == plan(Asked(users=5, think="0s")).think_s == 0


def test_the_stages_of_the_settings_are_the_load() -> None:
    found = plan(Asked(), stages="30s:50,1m:20")
    assert (found.stages, found.users, found.duration_s) == ((Stage(30, 50), Stage(60, 20)), 50, 90)
    assert overruled(Asked(), replace(Settings(), stages="30s:50")) == ""
    # A rate says how often, and leaves the users to the stages.
    assert plan(Asked(rate="5/s"), stages="30s:50").stages == (Stage(30, 50),)


@pytest.mark.parametrize(
    ("asked", "flags", "users", "duration_s"),
    [
        (Asked(users=7), "--users", 7, 300),
        (Asked(duration="90s"), "--duration", 200, 90), (Asked(concurrency=9), "--concurrency", 9, 300),
        (Asked(requests=1000, concurrency=100), "--concurrency, --requests", 100, 300), (Asked(shape="constant"), "--shape", 200, 300),
        (Asked(spawn_rate=5), "--spawn-rate", 200, 300), (Asked(shape="soak"), "--shape", 200, SOAK_S),
    ],
)  # fmt: skip
def test_what_is_typed_wins_over_the_stages_of_the_settings_and_that_is_told(
    asked: Asked, flags: str, users: int, duration_s: float
) -> None:
    found = plan(asked, stages="30s:50")
    assert (found.stages, found.users, found.duration_s) == ((), users, duration_s)
    words = f"the stages of the settings (30s:50) are left out: {flags} say what the load is"
    assert overruled(asked, replace(Settings(), stages="30s:50")) == words
    assert overruled(asked, Settings()) == ""


def test_typed_stages_win_over_those_of_the_settings() -> None:
    assert plan(Asked(stages=["1m:3"]), stages="30s:50").stages == (Stage(60, 3),)
    assert overruled(Asked(stages=["1m:3"]), replace(Settings(), stages="30s:50")) == ""


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Asked(stages=["1m:3"], users=5), "leave --users out"),
        (Asked(stages=["1m:3"], duration="1m", spawn_rate=4.0), "leave --spawn-rate, --duration out"),
        (Asked(stages=["1m:3"], requests=5), "--requests ends a load whose users stay: leave --shape and --stages out"),
        (Asked(shape="ramp", requests=5), "--requests ends a load whose users stay"),
        (Asked(stages=["1m"]), "--stages: “1m” is no stage"),
        (Asked(shape="wave"), "--shape wave: constant, ramp, steps, spike, soak"),
        (Asked(concurrency=5, users=5), "--concurrency says how many users there are by itself"),
        (Asked(concurrency=5, rate="5/s"), "leave --users and --rate out"),
        *((Asked(rate=text), f"--rate {text}: requests per second, such as 300/s") for text in ("many", "5/h", "/s", "5/", "")),
        (Asked(method="POST"), "--method: of the request that --path names"),
        (Asked(body="x"), "--body: of the request that --path names"),
        (Asked(headers=["a: b"]), "--header: of the request that --path names"),
        (Asked(path="/", method="BREW"), "--method BREW: GET, POST"),
        (Asked(path="data"), "--path data: it begins with a slash"),
        (Asked(path="/", headers=["no colon"]), "--header 'no colon': write 'Name: value'"),
        (Asked(path="/", headers=[": value"]), "--header ': value'"),
        (Asked(path="/", headers=["a: b\r\nc: d"]), "write 'Name: value'"),
        (Asked(path="/", body="@/nowhere/at/all"), "--body @/nowhere/at/all: the file cannot be read"),
        (Asked(path="/", write_share="10%"), "--write-share: a single request has none"),
        (Asked(locustfile="own.py", path="/"), "leave --path and --write-share out"),
        (Asked(locustfile="own.py", write_share="1%"), "leave --path and --write-share out"),
        (Asked(write_share="101%"), "--write-share 101%: from 0% to 100%"),
        (Asked(write_share="-1%"), "--write-share -1%: from 0% to 100%"),
        (Asked(write_share="nan"), "--write-share nan: from 0% to 100%"),
        (Asked(write_share="some"), "--write-share some: a share such as 1% or 0.01"),
        (Asked(options=["--verbose"]), "--verbose: what stands after -- goes to a Locust file of yours"),
    ],
)
def test_what_contradicts_itself_or_means_nothing_is_refused(asked: Asked, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan(asked)
    assert why in caught.value.what


def test_a_stage_of_the_settings_that_is_none_is_said_to_be_theirs() -> None:
    with pytest.raises(UsageError) as caught:
        plan(Asked(), stages="1m")
    assert caught.value.what.startswith("stages of the settings: “1m” is no stage")


def test_what_reaches_the_users() -> None:
    assert plan(Asked(write_share="10%")).variables["SHELTER_WRITE_SHARE"] == "0.1"
    assert plan(Asked(locustfile="own.py", options=["--my-option", "5"])).options == ("--my-option", "5")
    asked = Asked(path="/data", body='{"n": {n}}', headers=["X-Own:  a:b "])
    request = json.loads(plan(asked).variables["SHELTER_REQUEST"])
    assert request == {
        "method": "POST", "path": "/data", "body": '{"n": {n}}', "headers": {"X-Own": "a:b", "Content-Type": "application/json"},
    }  # fmt: skip


RULES = {"write": {"path": "/notes", "headers": {"Accept": "text/html"}}, "headers": {"X-Team": "blue"}, "mix": {"read": 1}}


def of_ones_own(asked: Asked) -> LoadPlan:
    return plan_of(asked, Settings(), "http://service", (Path("stack.py"), {"STACK_EXCHANGE": json.dumps(RULES)}), Path("request.py"))


def test_headers_go_with_all_requests_of_a_stack_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTES_TOKEN", "t7")
    found = of_ones_own(Asked(headers=["Authorization: Bearer {env:NOTES_TOKEN}", "accept: application/json"]))
    rules = json.loads(found.variables["STACK_EXCHANGE"])
    assert rules["headers"] == {"X-Team": "blue", "Authorization": "Bearer t7", "accept": "application/json"}
    assert rules["write"]["headers"] == {"Authorization": "Bearer t7", "accept": "application/json"}
    assert found.asked == ("--header 'Authorization: Bearer {env:NOTES_TOKEN}'", "--header 'accept: application/json'")
    assert "t7" not in repr(found)


def test_a_value_that_lets_somebody_in_is_not_repeated() -> None:
    assert of_ones_own(Asked(headers=["X-Api-Key: s3cret"])).asked == ("--header 'X-Api-Key: …'",)
    assert plan(Asked(path="/", headers=["Cookie: s3cret"])).asked == ("--path /", "--header 'Cookie: …'")


@pytest.mark.parametrize(
    "text", ["Authorization: {env:NOT_SET_ANYWHERE}", "Authorization: {secret:a/b}", "Api-Token s3cret", "Api Key: s3"]
)
def test_a_header_that_cannot_be_sent_is_an_error_without_its_value(text: str) -> None:
    with pytest.raises(UsageError, match="--header") as caught:
        of_ones_own(Asked(headers=[text]))
    assert "s3cret:" not in str(caught.value)


def test_a_file_of_ones_own_says_what_its_users_send() -> None:
    with pytest.raises(UsageError, match="--header: of the request that --path names"):
        of_ones_own(Asked(headers=["a: b"], locustfile="mine.py"))


@pytest.mark.parametrize(("text", "per_s"), [("300", 300), ("300/s", 300), ("90/m", 1.5), ("90/min", 1.5), (" 0.5 / s ", 0.5)])
def test_rates(text: str, per_s: float) -> None:
    found = plan(Asked(rate=text))
    assert (found.rate_per_s, found.think_s, found.problems()) == (per_s, 0.0, ())


@pytest.mark.parametrize("text", ["0/s", "-1/s", "nan", "inf", "10001/s"])
def test_a_rate_that_cannot_be_meant_is_a_problem(text: str) -> None:
    assert "requests per second, more than 0 and at most 10,000" in plan(Asked(rate=text)).problems()[0]
