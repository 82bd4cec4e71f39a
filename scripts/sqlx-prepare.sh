#!/bin/sh
# Writes .sqlx, what the checked queries compile against without a database: a database is made from migrations/, and
# the query macros describe themselves by it while the library is checked. With --check nothing is changed, and it
# fails where .sqlx is not what the code and the migrations make. Needs cargo and python3 (its sqlite3).
set -eu
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/queries"
python3 - "$work/schema.db" migrations/*.sql <<'PYTHON'
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as migration:
        database.executescript(migration.read())
database.close()
PYTHON

# The macros run only where the crate is compiled anew, and Cargo does not know that the database is an input: a file of
# the crate looks changed for as long as this takes, and as old as it was after it.
touch -r src/store/mod.rs "$work/age"
touch src/store/mod.rs
DATABASE_URL="sqlite://$work/schema.db" SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$work/queries" \
    cargo check --quiet --lib --all-features

if [ "${1:-}" = "--check" ]; then
    touch -r "$work/age" src/store/mod.rs
    diff -rq .sqlx "$work/queries" || { echo "the prepared queries are stale: run scripts/sqlx-prepare.sh" >&2; exit 1; }
else
    mkdir -p .sqlx
    rm -f .sqlx/query-*.json
    find "$work/queries" -name 'query-*.json' -exec cp {} .sqlx/ \;
    touch src/store/mod.rs
fi
