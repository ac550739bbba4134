"""The guestbook with one connection for its whole life: after a restart of the database it answers no request any more."""

import os

import pymysql
from flask import Flask, redirect, render_template, request

app = Flask(__name__)

connection = pymysql.connect(
    host=os.environ.get("MYSQL_HOST", "localhost"),
    user=os.environ.get("MYSQL_USER", "root"),
    password=os.environ.get("MYSQL_PASSWORD", ""),
    database=os.environ.get("MYSQL_DB", "guestbook"),
    autocommit=True,
)

with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE IF NOT EXISTS messages (id INT AUTO_INCREMENT PRIMARY KEY, message VARCHAR(60))")


@app.route("/")
def index():
    with connection.cursor() as cursor:
        cursor.execute("SELECT message FROM messages")
        messages = cursor.fetchall()
    return render_template("index.html", messages=messages)


@app.route("/submit", methods=["POST"])
def submit():
    message = request.form["message"]
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO messages (message) VALUES (%s)", (message,))
    return redirect("/")


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000, threaded=False)
