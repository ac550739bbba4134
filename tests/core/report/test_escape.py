"""Text of anybody's stack is text: nothing of it becomes markup in HTML, SVG or Markdown, and nothing secret or of the owner stays."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from shelterctl.adapters.runs.evidence import read_run
from shelterctl.core.figures.fault import writes_figure
from shelterctl.core.figures.stack import Link, Part, StackPicture, stack_svg
from shelterctl.core.figures.svg import Figure, Line, Panel, svg
from shelterctl.core.report import html, markdown
from shelterctl.core.report.clean import Owner, cleaner
from shelterctl.core.report.document import Card, Command, Document, Listing, Paragraph, Section, Table
from shelterctl.core.verdict import Verdict
from shelterctl.core.words import plain
from tests.core.report import folders

pytestmark = pytest.mark.unit

#: Whatever a name, a log or an event may hold, with what has a meaning to a page more often than chance has it.
HOSTILE = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [
                "<script>alert(1)</script>",
                "</td></table>",
                "<!--",
                "-->",
                "]]>",
                "&lt;",
                "&#60;b&#62;",
                "\"'",
                "<img src=x onerror=y>",
                "</svg>",
                "`",
                "``",
                "|",
                "\\",
                "\\|",
                "![a](b)",
                "[a](javascript:b)",
                "<http://a.b>",
                "http://a.b/c",
                "www.a.b",
                "a@b.co",
                "# ",
                "- ",
                "1. ",
                "1) ",
                "> ",
                "===",
                "---",
                "***",
                "~~~",
                "$x$",
                "\n",
                "\n\n",
                "\r",
                "\t",
                "\x00",
                "\x1b[31m",
                "\u202e",
                "\ud800",
                "\u2028",
                ":::",
                "PASS",
                "{{x}}",
                "{% x %}",
                "é",
            ]
        ),
        max_size=8,
    ).map("".join),
)


def document(text: str) -> Document:
    blocks = (
        Paragraph(text),
        Paragraph(text, doubt=True),
        Command(text, text),
        Listing(text, (text, text)),
        Table(text, (text, "b"), ((text, "1"), ("a", text)), frozenset({1}), verdicts=0),
        Card(text, Verdict.PASS, text, ((text, text),), text, text),
        Card(text, None, text, (), text),
    )
    return Document(text, ((text, text),), (Section(text, blocks),), "c3RhbXA=")


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text by tag."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.texts: list[str] = []
        self.comments: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


@given(HOSTILE)
@example("<script>")
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_breaks_out_of_a_page(text: str) -> None:
    page, tame = Page(html.page(document(text))), Page(html.page(document("tame")))
    # A text that is a verdict's word is a verdict in the column of verdicts.
    if text not in Verdict.__members__ and text:
        assert page.tags == tame.tags
    assert page.comments == tame.comments
    shown = plain(text)
    assert "".join(page.texts).count(shown) >= 15 or not shown.strip()


@given(HOSTILE)
@example("0 #")
@example("#")
@example("##")
@example("a ##")
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_breaks_out_of_markdown(text: str) -> None:
    parser = MarkdownIt("gfm-like", {"linkify": False}).enable(["table"])
    words = " ".join(plain(text).split())
    if words in Verdict.__members__ or not words:
        return
    tokens, tame = parser.parse(markdown.text(document(text), "f")), parser.parse(markdown.text(document("tame"), "f"))
    assert [token.type for token in tokens] == [token.type for token in tame]
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= {"text", "text_special", "code_inline", "strong_open", "strong_close", "softbreak", "entity"}
    said = "".join(child.content for child in tokens[1].children or ())
    assert said.strip() in (words, "") or tokens[1].type != "inline"
    title = next(token for token in tokens if token.type == "inline")
    assert "".join(child.content for child in title.children or ()).split() == words.split()


@given(HOSTILE)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_breaks_out_of_a_figure(text: str) -> None:
    def figures(words: str) -> list[str]:
        panel = Panel(words, words, [Line(words, [(0.0, 1.0), (1.0, 2.0)])])
        parts = (Part("a", words, words, (words, words), 1), Part("b", words, words, (), 2))
        return [svg(Figure(words, [panel], 10.0, words, notes=[words])), stack_svg(StackPicture(parts, (Link("a", "b", words),)))]

    for drawn, tame in zip(figures(text), figures("tame"), strict=True):
        tags = [element.tag for element in ElementTree.fromstring(drawn).iter()]
        expected = [element.tag for element in ElementTree.fromstring(tame).iter()]
        if text:
            assert tags == expected


def test_no_write_no_figure() -> None:
    assert writes_figure([], 0.0, []) is None


def test_a_page_asks_for_nothing_and_runs_nothing(tmp_path: Path) -> None:
    folders.every(tmp_path)
    page = html.page(folders.document(tmp_path))
    tags = Page(page).tags
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form", "a", "audio", "video"} & {tag for tag, _ in tags}
    assert not {name for _, names in tags for name in names} & {"src", "href", "onload", "onclick", "onerror", "style"}
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


SECRETS = ["hunter2hunter2", "s3cr3t-value-of-key", "dXNlcjpwYXNzd29yZA==", "tokenvalue12345"]
OWNED = ["/home/alice/shelter", "/Users/alice/shelter", "C:\\Users\\alice\\x", "alice", "alices-laptop", "/srv/people/alice2"]


def test_nothing_secret_and_nothing_of_the_owner_gets_in(tmp_path: Path) -> None:
    """Every text of every record and event holds all of it: whatever a report shows, it shows it without."""
    dirt = (
        f"mongodb://app:{SECRETS[0]}@db/x API_KEY={SECRETS[1]} Authorization: Basic {SECRETS[2]} token={SECRETS[3]} "
        f"at {OWNED[0]}/.shelterctl/runs and "
        f"{OWNED[1]} and {OWNED[2]} by {OWNED[3]} on {OWNED[4]} in {OWNED[5]}/x"
    )
    reason = {"text": dirt, "next_command": f"shelterctl runs show --state-dir {OWNED[0]}"}
    judgement = {"verdict": "FAIL", "reasons": [reason]}
    pod = folders.pod(f"app {dirt}", node=dirt)
    folders.write(
        tmp_path, folders.UP, "up", folders.up(pods=[pod], caveats=[dirt]), events=[folders.line(0.0, "notice", text=dirt, level="warning")]
    )
    checks = [{"name": "scaling", "judgement": judgement}]
    traffic = {**folders.load()["traffic"], "failure_kinds": {dirt: 3}}
    folders.write(
        tmp_path,
        folders.LOAD,
        "loadtest",
        folders.load(judgement=judgement, checks=checks, notes=[dirt], traffic=traffic),
        events=[*folders.load_events(), folders.line(3.0, "cluster_event", subject=dirt, reason=dirt, message=dirt, warning=True)],
    )
    folders.write(
        tmp_path,
        folders.KILL,
        "chaos kill-db",
        folders.kill(judgement=judgement, notes=[dirt], proof={"facts": [dirt], "doubts": [reason]}),
    )
    folders.write(tmp_path, folders.DNS, "dns check", None, exit_code=4, error={"what": dirt, "why": dirt})
    owner = Owner(("/srv/people/alice2",), ("alice", "alices-laptop"))
    found = folders.document(tmp_path, owner=owner)
    for text in (html.page(found), markdown.text(found, "f"), *(picture.svg for picture in found.pictures)):
        for word in (*SECRETS, "alice"):
            assert word not in text


def test_the_embedded_target_s_node_is_the_machine(tmp_path: Path) -> None:
    pod = folders.pod("app-1", node="my-own-box")
    events = [folders.line(0.0, "target_chosen", context="local", namespace="shelter", profile=None, label="Target")]
    folders.write(tmp_path, folders.UP, "up", folders.up(pods=[pod]), events=events)
    folders.write(
        tmp_path,
        folders.KILL,
        "chaos kill-db",
        folders.kill(proof={"facts": ["mongod got SIGKILL (pid 7 on my-own-box)"], "doubts": []}),
        events=[],
    )
    page = html.page(folders.document(tmp_path))
    assert "pid 7 on (this machine)" in page
    assert "my-own-box" not in page


def test_the_stack_s_own_names_stay() -> None:
    clean = cleaner(Owner((), ("notes", "alice")), kept=["notes"])
    assert (
        clean("Service notes of alice: secret notes-db; Secret: notes-db has no key")
        == "Service notes of (this machine): secret notes-db; Secret: notes-db has no key"
    )


def test_the_stamp_is_what_was_read(tmp_path: Path) -> None:
    from shelterctl.core.report.runs import changes, digest_of, read_stamp

    folders.every(tmp_path)
    stamp = read_stamp(folders.document(tmp_path, title="A <title>", author="Zoë").stamp)
    runs = [read_run(folder) for folder in sorted((tmp_path / "runs").iterdir())]
    files = [file for run in runs for file in run.files]
    assert (stamp.title, stamp.author, list(stamp.files), stamp.digest) == ("A <title>", "Zoë", files, digest_of(files))
    events = tmp_path / "runs" / folders.LOAD / "events.jsonl"
    events.write_text(events.read_text().replace('"requests": 100', '"requests": 101', 1))
    now = [file for folder in sorted((tmp_path / "runs").iterdir()) for file in read_run(folder).files]
    assert [(change.path, change.how) for change in changes(files, now)] == [(f"{folders.LOAD}/events.jsonl", "has another content")]
    assert digest_of(now) != stamp.digest


@pytest.mark.parametrize("text", ["", "x", "eyJhIjoxfQ==", "bnVsbA==", "W10="])
def test_what_is_no_stamp(text: str) -> None:
    from shelterctl.core.report.runs import read_stamp

    with pytest.raises(ValueError):
        read_stamp(text)


def test_twelve_hours_stay_small_and_keep_their_peak(tmp_path: Path) -> None:
    events = folders.load_events(12 * 3600)
    for row in events:
        if row["kind"] == "load_tick" and row["elapsed_s"] == 20_000.0:
            row.update(p95_ms=4321.0, requests=777)
    folders.write(tmp_path, folders.LOAD, "loadtest", folders.load(), events=events)
    found = folders.document(tmp_path)
    assert len(html.page(found)) < 5_000_000
    latency = next(picture for picture in found.pictures if picture.name.startswith("latency"))
    assert "p95 was at most 4,321 ms, 20000 s after the load began" in latency.caption
    # The axis of a panel reaches past the peak, and the peak is at that place in the line.
    assert latency.svg.count("L") < 10_000
    assert ">6,000<" in latency.svg
    top = 34 + 160 * (1 - 4321 / 6000)
    assert f" {top:.1f}" in latency.svg


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["a", "/a", "password", "password:", "token=", "x-", "://", "bearer ", "C:\\Users\\", "/home/", "a.b@", "secret='"]
)
def test_a_long_line_takes_no_time(piece: str) -> None:
    cleaner(Owner(("/srv/x",), ("alice",)))(piece * (200_000 // len(piece)))
