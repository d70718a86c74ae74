"""Scene 9: the log, checked from exported files alone, and with one byte changed."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.audit.export import ENTRIES
from gateway.audit.verify import verify_export
from gateway.entrypoints.demo.stage import Stage, counted
from gateway.flows import audit
from gateway.flows.fsck import fsck
from gateway.kernel.errors import IntegrityError


def show_log(stage: Stage) -> None:
    """Sign, export, verify; damage a copy; check the store itself."""
    directory = stage.directory / "audit"
    audit.checkpoint(stage.gateway, stage.tenant_id)
    written = audit.export(stage.gateway, stage.tenant_id, directory, openings=True)
    key = audit.verifier_key(stage.gateway, stage.tenant_id)
    stage.fact("exported", f"{written['size']} entries of {written['origin']} to {directory}")
    found = verify_export(directory, key)
    stage.fact("entries", counted(dict(sorted(found.kinds.items(), key=lambda kind: -kind[1]))))
    stage.fact("verified", f"from the files alone: {found.size} entries, root {found.root[:16]}…", "bold green")
    stage.fact("opened", f"{found.openings} commitments fit what they commit to")
    stage.fact("erased", f"{found.erased} commitments can never be opened: about her, or a record sent twice")
    for remark in found.remarks:
        stage.fact("", remark, "dim")
    damaged = stage.directory / "audit-damaged"
    shutil.copytree(directory, damaged)
    place = _flip(damaged / ENTRIES)
    stage.say(f"In a copy one bit is flipped, in byte {place} of {ENTRIES}:")
    try:
        verify_export(damaged, key)
    except IntegrityError as error:
        stage.fact("found", str(error), "bold red")
    report = fsck(stage.gateway, stage.tenant_id)
    stage.say("Last, the live store is checked against its log:")
    stage.fact("fsck", f"{len(report.findings)} findings; checked {counted(report.checked)}", "bold green")


def _flip(path: Path) -> int:
    """Flip the lowest bit of a digit of the first hour in the second half of the file -> its place."""
    content = bytearray(path.read_bytes())
    place = content.index(b'hour\\":\\"2', len(content) // 2) + len(b'hour\\":\\"')
    content[place] ^= 1
    path.write_bytes(content)
    return place
