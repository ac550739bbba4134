import os
from contextlib import closing

import mysql.connector
from flask import Flask, jsonify, request
from werkzeug.exceptions import HTTPException

MAX_TEXT = 60
MAX_DESCRIPTION = 1000

app = Flask(__name__)


def connect():
    # A new connection for each request: nothing here has to notice that the database was restarted.
    return mysql.connector.connect(
        host=os.environ.get("MYSQL_HOST", "localhost"),
        port=int(os.environ.get("MYSQL_PORT", "3306")),
        user=os.environ.get("MYSQL_USER", ""),
        password=os.environ.get("MYSQL_PASSWORD", ""),
        database=os.environ.get("MYSQL_DATABASE", "adoption"),
        connection_timeout=3,
        # A database whose node went away answers nothing at all, not even a refusal.
        read_timeout=10,
        write_timeout=10,
    )


def problem_with_text(field, value, longest):
    if not isinstance(value, str) or not value.strip():
        return f"{field} must be a text that is not empty"
    if len(value) > longest:
        return f"{field} must not be longer than {longest} characters"
    return None


def is_number(value):
    # True and False are ints for Python, but nobody's age.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


@app.errorhandler(mysql.connector.Error)
def database_error(error):
    app.logger.error("database: %s", error)
    return jsonify({"error": "The database is not available, please try again later"}), 503


@app.errorhandler(HTTPException)
def http_error(error):
    # Flask's own errors, such as for a body that is no JSON, are pages; a client of an API wants JSON.
    return jsonify({"error": error.description}), error.code


@app.get("/health")
def health():
    # Says that this process lives. The database is left out on purpose: while it restarts, restarting the API would not help.
    return jsonify({"status": "ok"})


@app.get("/api/dogs")
def list_dogs():
    with closing(connect()) as connection:
        cursor = connection.cursor(dictionary=True)
        cursor.execute("SELECT id, name, breed, age, description, adopter FROM dogs ORDER BY id DESC")
        dogs = cursor.fetchall()
    return jsonify(dogs)


@app.post("/api/dogs")
def add_dog():
    data = request.get_json()
    if not isinstance(data, dict):
        return jsonify({"error": "Send a JSON object"}), 400
    name = data.get("name")
    breed = data.get("breed")
    age = data.get("age")
    description = data.get("description")

    problem = (
        problem_with_text("name", name, MAX_TEXT)
        or problem_with_text("breed", breed, MAX_TEXT)
        or problem_with_text("description", description, MAX_DESCRIPTION)
    )
    if problem is None and not is_number(age):
        problem = "age must be a whole number of years, 0 or more"
    if problem:
        return jsonify({"error": problem}), 400

    with closing(connect()) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "INSERT INTO dogs (name, breed, age, description) VALUES (%s, %s, %s, %s)",
            (name.strip(), breed.strip(), age, description.strip()),
        )
        connection.commit()
        dog_id = cursor.lastrowid
    return jsonify({"message": "Dog added", "id": dog_id}), 201


@app.post("/api/adoption")
def adopt_dog():
    data = request.get_json()
    if not isinstance(data, dict):
        return jsonify({"error": "Send a JSON object"}), 400
    dog_id = data.get("dog_id")
    adopter = data.get("adopter")

    problem = problem_with_text("adopter", adopter, MAX_TEXT)
    if problem is None and not is_number(dog_id):
        problem = "dog_id must be a number"
    if problem:
        return jsonify({"error": problem}), 400

    with closing(connect()) as connection:
        cursor = connection.cursor()
        # One statement, so that of two who ask at the same time only one gets the dog.
        cursor.execute("UPDATE dogs SET adopter = %s WHERE id = %s AND adopter IS NULL", (adopter.strip(), dog_id))
        connection.commit()
        adopted = cursor.rowcount == 1
        cursor.execute("SELECT id FROM dogs WHERE id = %s", (dog_id,))
        known = cursor.fetchone() is not None
    if adopted:
        return jsonify({"message": "Adoption recorded", "id": dog_id})
    if known:
        return jsonify({"error": "This dog has a home already"}), 409
    return jsonify({"error": "No such dog"}), 404
