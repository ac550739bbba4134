from bson import ObjectId
from flask import Blueprint, jsonify, request

from .database import get_db

bp = Blueprint("notes", __name__)


def shown(note):
    return {"id": str(note["_id"]), "title": note["title"], "body": note["body"]}


def not_found():
    return jsonify(error="no such note"), 404


def taken(data):
    if not isinstance(data.get("title"), str) or not isinstance(data.get("body"), str):
        return None
    return {"title": data["title"], "body": data["body"]}


@bp.route("", methods=["GET"])
def index():
    return jsonify(notes=[shown(note) for note in get_db().notes.find()])


@bp.route("", methods=["POST"])
def create():
    note = taken(request.get_json())
    if note is None:
        return jsonify(error="title and body are needed, as text"), 422
    get_db().notes.insert_one(note)
    return jsonify(shown(note)), 201


@bp.route("/<string:note_id>", methods=["GET"])
def show(note_id):
    note = get_db().notes.find_one({"_id": ObjectId(note_id)}) if ObjectId.is_valid(note_id) else None
    return jsonify(shown(note)) if note else not_found()


@bp.route("/<string:note_id>", methods=["PUT"])
def replace(note_id):
    note = taken(request.get_json())
    if note is None:
        return jsonify(error="title and body are needed, as text"), 422
    if not ObjectId.is_valid(note_id):
        return not_found()
    done = get_db().notes.replace_one({"_id": ObjectId(note_id)}, note)
    return jsonify(id=note_id, **note) if done.matched_count else not_found()


@bp.route("/<string:note_id>", methods=["DELETE"])
def delete(note_id):
    if not ObjectId.is_valid(note_id):
        return not_found()
    done = get_db().notes.delete_one({"_id": ObjectId(note_id)})
    return ("", 204) if done.deleted_count else not_found()
