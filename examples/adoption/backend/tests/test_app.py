"""Run in backend/ with `python -m unittest`. The database is replaced: these tests are about what the API makes of it."""

import unittest
from unittest.mock import MagicMock, patch

import mysql.connector

import app as backend

DOG = {"name": "Rex", "breed": "Poodle", "age": 3, "description": "Likes children"}


class ApiTest(unittest.TestCase):
    def setUp(self):
        self.connection = MagicMock()
        self.cursor = self.connection.cursor.return_value
        patcher = patch.object(mysql.connector, "connect", return_value=self.connection)
        self.connect = patcher.start()
        self.addCleanup(patcher.stop)
        self.client = backend.app.test_client()

    def statement(self, number=0):
        return self.cursor.execute.call_args_list[number].args


class HealthTest(ApiTest):
    def test_health_does_not_need_the_database(self):
        self.connect.side_effect = mysql.connector.InterfaceError("down")
        answer = self.client.get("/health")
        assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


class DogsTest(ApiTest):
    def test_the_list_is_what_the_table_holds_newest_first(self):
        self.cursor.fetchall.return_value = [{"id": 2, **DOG, "adopter": None}]
        answer = self.client.get("/api/dogs")
        assert answer.get_json() == [{"id": 2, **DOG, "adopter": None}]
        assert "ORDER BY id DESC" in self.statement()[0]
        self.connection.close.assert_called_once()

    def test_a_dog_is_stored_and_committed(self):
        self.cursor.lastrowid = 7
        answer = self.client.post("/api/dogs", json=DOG)
        assert (answer.status_code, answer.get_json()) == (201, {"message": "Dog added", "id": 7})
        statement, values = self.statement()
        assert "VALUES (%s, %s, %s, %s)" in statement
        assert values == ("Rex", "Poodle", 3, "Likes children")
        self.connection.commit.assert_called_once()

    def test_a_dog_that_is_not_complete_is_refused(self):
        wrong = ({"name": " "}, {"breed": None}, {"age": "3"}, {"age": -1}, {"age": True}, {"description": 5}, {"name": "x" * 61})
        for change in wrong:
            with self.subTest(change):
                answer = self.client.post("/api/dogs", json={**DOG, **change})
                assert answer.status_code == 400
                assert next(iter(change)) in answer.get_json()["error"]
        assert self.client.post("/api/dogs", json=[DOG]).status_code == 400
        self.connect.assert_not_called()

    def test_a_database_that_is_down_is_told_as_503(self):
        self.connect.side_effect = mysql.connector.InterfaceError("Can't connect to MySQL server")
        answer = self.client.get("/api/dogs")
        assert answer.status_code == 503
        assert "not available" in answer.get_json()["error"]

    def test_the_connection_is_closed_when_the_insert_fails(self):
        self.cursor.execute.side_effect = mysql.connector.OperationalError("Lost connection")
        assert self.client.post("/api/dogs", json=DOG).status_code == 503
        self.connection.close.assert_called_once()


class AdoptionTest(ApiTest):
    def adopt(self, **changes):
        return self.client.post("/api/adoption", json={"dog_id": 2, "adopter": "Ada", **changes})

    def test_a_dog_is_adopted(self):
        self.cursor.rowcount = 1
        answer = self.adopt()
        assert (answer.status_code, answer.get_json()["id"]) == (200, 2)
        assert self.statement()[1] == ("Ada", 2)
        self.connection.commit.assert_called_once()

    def test_a_dog_is_adopted_once(self):
        self.cursor.rowcount = 0
        self.cursor.fetchone.return_value = (2,)
        assert self.adopt().status_code == 409

    def test_a_dog_that_is_not_there(self):
        self.cursor.rowcount = 0
        self.cursor.fetchone.return_value = None
        assert self.adopt(dog_id=99).status_code == 404

    def test_who_and_which_must_be_said(self):
        assert self.adopt(adopter="").status_code == 400
        assert self.adopt(dog_id="2").status_code == 400
        answer = self.client.post("/api/adoption", data="Ada")
        assert answer.status_code == 415
        assert "JSON" in answer.get_json()["error"]


if __name__ == "__main__":
    unittest.main()
