"""`gateway demo`: the whole story on the sample feeds, offline, in a directory of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.text import Text

from gateway.entrypoints.demo import arrivals, hashes, person, proof
from gateway.entrypoints.demo.stage import Stage, make_console
from gateway.entrypoints.demo.story import HEROINE, NOW
from gateway.kernel.errors import Conflict


@click.command("demo", short_help="The whole story on sample data, offline.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Play it in DIR, which must be empty, and keep what it leaves; else a temporary directory is used.",
)
def demo(keep: Path | None) -> None:
    """Tell the whole story on sample data: five channels, consent, one person's profile, her rights, the log.

    Everybody in it is invented. It needs no network and takes some seconds.
    """
    started = time.monotonic()
    with _directory(keep) as directory:
        stage = Stage.build(directory, make_console())
        try:
            play(stage)
        finally:
            stage.close()
        stage.say(f"\nThat took {time.monotonic() - started:.1f} s.", "dim")
        if keep is not None:
            look = f"To look around: GATEWAY_HOME={directory} gateway rights list --tenant demo"
            stage.console.print(Text(look, "dim"), soft_wrap=True)


def play(stage: Stage) -> None:
    """All scenes, in order."""
    stage.say(f"It is {NOW[:10]} in the story. Everything is kept in {stage.directory}.", "dim")
    stage.scene("Five channels send what they know")
    came = arrivals.take_in(stage)
    arrivals.show_outcomes(stage, came)
    stage.scene("Refused for want of consent, and why")
    arrivals.show_refusals(stage, came)
    stage.scene("A phone number that thirty customers share")
    arrivals.show_shop_phone(stage, came)
    stage.scene(f"One person: {HEROINE.name}")
    person.show_profile(stage, person.who_is_she(stage))
    stage.scene("Her phone number, as a bare hash and as a pseudonym")
    hashes.show_search(stage)
    stage.scene("She asks what is held about her")
    person.show_access(stage)
    stage.scene("She wants to be forgotten")
    person.show_erasure(stage)
    stage.scene("Her records come again")
    person.show_return(stage, came)
    stage.scene("The log, from exported files alone")
    proof.show_log(stage)


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    """The directory to play in. Raises Conflict when the one to keep is not empty."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="gateway-demo-") as name:
            yield Path(name)
        return
    if keep.exists() and any(keep.iterdir()):
        raise Conflict("the directory is not empty: choose another for --keep")
    yield keep.absolute()
