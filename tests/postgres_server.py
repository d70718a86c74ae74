"""A throw-away PostgreSQL server that lives exactly as long as the program that started it. Standard library only.

Run as a program by `tests.postgres`. Order of events: make a directory, `initdb`, start the server, print the
directory (its Unix socket is in it) as one line, wait for the end of standard input, stop the server, remove the
directory. The pipe ends however the parent ends, by `kill -9` too, and a session of its own keeps Ctrl-C away, so
there is one way down and nothing is left behind. What fails is printed to standard error with the server's log.

PostgreSQL refuses to run as root: there the server's programs run as Debian's user `postgres`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

PORT = 5432  # only names the socket file: the server listens on no network address
USER = "postgres"

# A socket's path has at most 107 bytes, and user `postgres` must reach it: $TMPDIR promises neither.
_BASE = "/tmp"  # noqa: S108 - mkdtemp makes a fresh directory below it, mode 0700
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    # The data need not outlive the run.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


def find_programs() -> Path | None:
    """The directory of the newest installed server's programs, or None where PostgreSQL is not installed.

    Debian's own directories come first: an `initdb` on the search path may be another one's wrapper.
    """
    debian = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if debian:
        return max(debian, key=lambda directory: int(directory.parent.name))
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def _run(directory: Path, program: Path, *arguments: str) -> None:
    """Run one of the server's programs as the user that owns the cluster. Raises SystemExit with its output."""
    prefix = ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    done = subprocess.run(
        [*prefix, str(program), *arguments],
        cwd=directory,
        env=environment | {"LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        log = directory / "log"
        raise SystemExit(f"{program.name} failed:\n{done.stdout}{log.read_text() if log.exists() else ''}")


def _start(programs: Path, directory: Path) -> None:
    """Make a cluster in `directory` and start its server; returns when it takes connections."""
    data, log = directory / "data", directory / "log"
    _run(
        directory,
        programs / "initdb",
        *("-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
    )
    settings = _SETTINGS | {"unix_socket_directories": str(directory), "port": str(PORT)}
    with (data / "postgresql.auto.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    _run(directory, programs / "pg_ctl", "-D", str(data), "-l", str(log), "-w", "-t", "60", "start")


def main() -> None:
    """Serve until standard input ends. Raises SystemExit with a message when the server does not start."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    programs = find_programs()
    if programs is None:
        raise SystemExit("PostgreSQL is not installed")
    directory = Path(tempfile.mkdtemp(prefix="gateway-pg-", dir=_BASE))
    try:
        if os.geteuid() == 0:
            shutil.chown(directory, USER)
        _start(programs, directory)
        print(directory, flush=True)  # noqa: T201 - the line that tests.postgres waits for
        sys.stdin.read()
    finally:
        if (directory / "data" / "postmaster.pid").exists():
            _run(directory, programs / "pg_ctl", "-D", str(directory / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
