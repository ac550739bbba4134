import os

import psycopg2
from flask import Flask, jsonify, request

app = Flask(__name__)

CONNECTION = {
    "host": os.environ["PGHOST"],
    "dbname": os.environ["PGDATABASE"],
    "user": os.environ["PGUSER"],
    "password": os.environ["PGPASSWORD"],
    "connect_timeout": 3,
}
TABLE = "CREATE TABLE IF NOT EXISTS entries (id serial PRIMARY KEY, account text NOT NULL, amount integer NOT NULL)"


def rows(statement, values=()):
    """A connection for each request: none outlives a restart of the database."""
    connection = psycopg2.connect(**CONNECTION)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('entries')")
            if cursor.fetchone()[0] is None:
                # Two workers may be the first: the second waits for the first one's lock.
                cursor.execute("SELECT pg_advisory_xact_lock(1)")
                cursor.execute(TABLE)
            cursor.execute(statement, values)
            return cursor.fetchall()
    finally:
        connection.close()


@app.errorhandler(psycopg2.Error)
def unavailable(error):
    return jsonify(error=type(error).__name__), 503


@app.get("/ready")
def ready():
    rows("SELECT 1")
    return jsonify(status="ok")


@app.post("/entries")
def add():
    body = request.get_json()
    if not isinstance(body.get("account"), str) or not str(body.get("amount", "")).isdigit():
        return jsonify(error="give account and amount"), 400
    ((number,),) = rows("INSERT INTO entries (account, amount) VALUES (%s, %s) RETURNING id", (body["account"], int(body["amount"])))
    return jsonify(id=number, account=body["account"], amount=int(body["amount"])), 201


@app.get("/entries")
def every():
    found = rows("SELECT id, account, amount FROM entries ORDER BY id")
    return jsonify([{"id": number, "account": account, "amount": amount} for number, account, amount in found])
