"""Writes a dump for each schema that has none yet: the migrations up to it, and the rows of a database that a server wrote.

    lyceum serve --data-dir folder …   # post jobs, upload data, make keys; then end it
    python3 tests/schemas/make.py folder/lyceum.db

A dump that stands is never made anew: it is what servers of that schema have left on people's disks.
"""

import hashlib
import pathlib
import sqlite3
import sys

HERE = pathlib.Path(__file__).parent
MIGRATIONS = sorted((HERE.parent.parent / "migrations").glob("*.sql"))
# Filled by triggers.
COUNTED = {"queue_depth", "job_count"}
# The tables that others refer to come first.
FIRST = ["dataset", "dataset_version", "job", "run", "metric_series", "model", "model_version", "api_key"]


def columns(database, table):
    return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]


def tables(database):
    found = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    names = {name for (name,) in found} - COUNTED - {"_sqlx_migrations"}
    return [name for name in FIRST if name in names] + sorted(names - set(FIRST))


def migrate(database, migrations, source):
    schema = source.execute("SELECT sql FROM sqlite_schema WHERE name = '_sqlx_migrations'").fetchone()[0]
    database.execute(schema)
    for path in migrations:
        text = path.read_bytes()
        database.executescript(text.decode())
        number, name = path.stem.split("_", 1)
        database.execute(
            "INSERT INTO _sqlx_migrations VALUES (?, ?, '2026-01-31 12:00:00', 1, ?, 0)",
            (int(number), name.replace("_", " "), hashlib.sha384(text).digest()),
        )


def copy(source, database):
    for table in tables(database):
        shared = [name for name in columns(database, table) if name in columns(source, table)]
        if table == "api_key" and "last_used_at" not in columns(database, table):
            continue  # The table of the first version was never written to.
        names, places = ", ".join(shared), ", ".join("?" * len(shared))
        rows = source.execute(f"SELECT {names} FROM {table}")
        database.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)


def main():
    source = sqlite3.connect(sys.argv[1])
    for last in range(1, len(MIGRATIONS) + 1):
        path = HERE / (MIGRATIONS[last - 1].stem + ".sql")
        if path.exists():
            continue
        database = sqlite3.connect(":memory:")
        migrate(database, MIGRATIONS[:last], source)
        copy(source, database)
        path.write_text("\n".join(database.iterdump()) + "\n")


main()
