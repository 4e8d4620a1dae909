"""SQLite: pysqlite3's where it is installed, which has the fix for the WAL-reset bug."""

try:
    import pysqlite3 as sqlite3
except ImportError:
    import sqlite3

__all__ = ["sqlite3"]
