"""What tests of the doors may ask for: a gateway behind HTTP or the command line, fresh or shared by a module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.doors.sites import Site, make_home, served
from tests.doors.terminal import Terminal, prepared


@pytest.fixture(scope="session")
def site_template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, str]]:
    """A store with clients of every kind, to be copied, and their API keys."""
    home = tmp_path_factory.mktemp("site") / "gateway"
    return home, make_home(home)


@pytest.fixture
def site(site_template: tuple[Path, Mapping[str, str]], tmp_path: Path) -> Iterator[Site]:
    """A gateway that no other test sees."""
    template, keys = site_template
    with served(template, tmp_path / "gateway", keys) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_site(
    site_template: tuple[Path, Mapping[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A gateway that the tests of one module share."""
    template, keys = site_template
    with served(template, tmp_path_factory.mktemp("shared") / "gateway", keys) as opened:
        yield opened


@pytest.fixture(scope="session")
def terminal_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `prepared` keeps a home to copy."""
    return tmp_path_factory.mktemp("terminal") / "gateway"


@pytest.fixture
def terminal(terminal_template: Path, tmp_path: Path) -> Terminal:
    """The command line, with a tenant and nothing else."""
    return prepared(terminal_template, tmp_path / "gateway")
