import os

import pymysql
from flask import Flask, redirect, render_template, request

app = Flask(__name__)

CONFIG = {
    "host": os.environ.get("MYSQL_HOST", "localhost"),
    "user": os.environ.get("MYSQL_USER", "root"),
    "password": os.environ.get("MYSQL_PASSWORD", ""),
    "database": os.environ.get("MYSQL_DB", "guestbook"),
}


def connect():
    return pymysql.connect(**CONFIG)


def init_db():
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS messages (id INT AUTO_INCREMENT PRIMARY KEY, message VARCHAR(60))")
    connection.commit()
    connection.close()


@app.route("/")
def index():
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT message FROM messages")
        messages = cursor.fetchall()
    connection.close()
    return render_template("index.html", messages=messages)


@app.route("/submit", methods=["POST"])
def submit():
    message = request.form["message"]
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO messages (message) VALUES (%s)", (message,))
    connection.commit()
    connection.close()
    return redirect("/")


if __name__ == "__main__":
    init_db()
    app.run(host="0.0.0.0", port=5000, debug=True)
