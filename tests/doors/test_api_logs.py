"""The log's allow-list, and figures that several processes share."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.kernel import logs
from tests.doors.sites import Site, record

SECRET = "jane@shop.example"


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def fail(error: Exception) -> None:
    raise error from KeyError(SECRET)


def test_a_request_is_one_line_of_known_fields(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.call("POST", "/v1/records?", "web", json={"records": [record("r1"), 5]})
    (line,) = lines(capsys)
    assert line.keys() == {"time", "level", "event", "method", "route", "status", "ms", "tenant", "client", "count"}
    assert (line["event"], line["route"], line["status"], line["count"]) == ("request", "/v1/records", 200, 2)
    assert (line["tenant"], line["level"]) == (site.tenant, "info")


def test_only_allowed_fields_and_plain_texts_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    smuggled: Any = {"route": SECRET, "places": [SECRET, "a.py:1"], "email": SECRET, "count": 3}
    logs.event("test", level=logging.WARNING, **smuggled)
    (line,) = lines(capsys)
    assert line.pop("time").endswith("Z")
    assert line == {"level": "warning", "event": "test", "route": "?", "places": ["?", "a.py:1"], "count": 3}


def test_a_failure_shows_types_and_places_and_no_words(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        fail(ValueError(SECRET))
    except ValueError as error:
        logs.failure("test", error, step=SECRET)
    (line,) = lines(capsys)
    assert (line["error"], line["cause"], line["step"]) == ("builtins.ValueError", "builtins.KeyError", "?")
    assert line["places"][0].startswith("tests/doors/test_api_logs.py:")


def test_what_libraries_log_loses_its_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("some.library")
    monkeypatch.setattr(logger, "handlers", [logs.LibraryHandler(logging.WARNING)])
    logger.info("hello %s", SECRET)
    logger.warning("cannot read %s", SECRET)
    try:
        fail(RuntimeError(SECRET))
    except RuntimeError:
        logger.exception(SECRET)
    warned, failed = lines(capsys)
    assert (warned["event"], warned["level"], warned["logger"]) == ("library", "warning", "some.library")
    assert (failed["level"], failed["error"]) == ("error", "builtins.RuntimeError")
    assert SECRET not in json.dumps([warned, failed])


def test_the_root_logger_is_taken_only_where_nobody_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    kept: list[logging.Handler] = [logging.NullHandler()]
    monkeypatch.setattr(root, "handlers", kept)
    logs.configure()
    assert [type(one) for one in root.handlers] == [logging.NullHandler]
    monkeypatch.setattr(root, "handlers", [])
    logs.configure()
    logs.configure()
    assert [type(one) for one in root.handlers] == [logs.LibraryHandler]


def test_processes_add_their_figures_up(tmp_path: Path) -> None:
    code = (
        "from gateway.entrypoints.api.metrics import Metrics\n"
        "metrics = Metrics()\n"
        "metrics.count_request('/v1/records', 'POST', 200, 0.01)\n"
        "print(metrics.exposed().decode())\n"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    shown = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert 'status="200"} 1.0' in shown[0]
    assert 'status="200"} 2.0' in shown[1]
