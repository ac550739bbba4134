"""The query of GET /data."""

from __future__ import annotations

import pytest
from shelter_app.paging import InvalidQuery, ListQuery, parse_query

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ({}, ListQuery("", "", 100, False)),
        ({"prefix": [""], "after": [""], "limit": [""], "count": [""]}, ListQuery("", "", 100, False)),
        ({"prefix": ["r1:"], "after": ["r1:7"], "limit": ["1000"]}, ListQuery("r1:", "r1:7", 1000, False)),
        ({"count": ["true"], "prefix": ["r1:"]}, ListQuery("r1:", "", 100, True)),
        ({"limit": ["5.0"]}, ListQuery("", "", 5, False)),
        ({"count": ["false"], "limit": ["1"]}, ListQuery("", "", 1, False)),
    ],
)
def test_queries(given: dict[str, list[str]], query: ListQuery) -> None:
    assert parse_query(given) == query


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"prefx": ["r1"]}, "unknown query parameter 'prefx'; known are prefix, after, limit, count"),
        ({"limit": ["1", "2"]}, "the query parameter 'limit' is given 2 times"),
        ({"limit": ["0"]}, "limit must be a whole number from 1 to 1000"),
        ({"limit": ["1001"]}, "limit must be a whole number from 1 to 1000"),
        ({"limit": ["5.5"]}, "limit must be a whole number from 1 to 1000"),
        ({"limit": ["-1"]}, "limit must be a whole number from 1 to 1000"),
        ({"limit": ["١"]}, "limit must be a whole number from 1 to 1000"),
        ({"limit": ["9" * 5000]}, "limit must be a whole number from 1 to 1000"),
        ({"count": ["yes"]}, "count must be true or false"),
        ({"prefix": ["x" * 201]}, "prefix must have at most 200 characters"),
        ({"after": ["x" * 201]}, "after must have at most 200 characters"),
    ],
)
def test_queries_that_are_refused(given: dict[str, list[str]], reason: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse_query(given)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("query", "selected"),
    [
        (ListQuery(), {}),
        (ListQuery(prefix="r:"), {"_id": {"$gte": "r:", "$lt": "r;"}}),
        (ListQuery(after="k"), {"_id": {"$gt": "k"}}),
        (ListQuery(prefix="r:", after="r:7"), {"_id": {"$gt": "r:7", "$lt": "r;"}}),
        (ListQuery(prefix="r:", after="a"), {"_id": {"$gte": "r:", "$lt": "r;"}}),
        (ListQuery(prefix="r:", after="z"), {"_id": {"$gt": "z", "$lt": "r;"}}),
        (ListQuery(prefix="\U0010ffff"), {"_id": {"$gte": "\U0010ffff"}}),
    ],
)
def test_filters(query: ListQuery, selected: dict[str, object]) -> None:
    assert query.as_filter() == selected
