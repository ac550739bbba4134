import os


class Config:
    MONGO_URL = os.environ.get("MONGO_URL", "mongodb://localhost:27017")
    MONGO_DATABASE = os.environ.get("MONGO_DATABASE", "notes")
    NOTES_COLLECTION = "notes"
