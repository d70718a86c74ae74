"""The receipt a person gets after an erasure: what was recorded, with its proof from the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.kernel.clock import format_instant
from gateway.rights.model import RequestKind

STATEMENT = (
    "This receipt says what was recorded in the log about this request. "
    "It does not say that nothing about you remains anywhere."
)

_HEADINGS: Mapping[RequestKind, str] = MappingProxyType(
    {
        RequestKind.ACCESS: "Receipt for an access request",
        RequestKind.ERASURE: "Receipt for an erasure",
        RequestKind.PORTABILITY: "Receipt for a transfer of data",
        RequestKind.OPT_OUT: "Receipt for an opt-out",
        RequestKind.OBJECTION: "Receipt for an objection",
        RequestKind.RESTRICTION: "Receipt for a restriction",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureReceipt:
    """What a finished request did.

    `request` is its id as the outside knows it, `completed_at` in milliseconds, `counts` rows per table,
    `processors` the names of those who were told, `last_backup_day` the ISO day on which the last backup that holds
    the person expires, `log_index` the leaf in the tenant's log and `proof` the text of its inclusion proof file
    (c2sp.org/tlog-proof@v1).
    """

    request: str
    kind: RequestKind
    completed_at: int
    counts: Mapping[str, int]
    last_backup_day: str
    log_index: int
    proof: str
    processors: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The receipt as JSON-able values, keys sorted; the same receipt always gives the same dictionary."""
        return {
            "completed_at": format_instant(self.completed_at),
            "counts": dict(sorted(self.counts.items())),
            "kind": self.kind.value,
            "last_backup_day": self.last_backup_day,
            "log_index": self.log_index,
            "processors": sorted(self.processors),
            "proof": self.proof,
            "request": self.request,
            "statement": STATEMENT,
        }

    def as_text(self) -> str:
        """The receipt as plain text for people, ending with the proof file so that it can be cut out and checked."""
        width = max((len(name) for name in self.counts), default=0)
        counts = [f"  {name:<{width}}  {count}" for name, count in sorted(self.counts.items())]
        processors = [f"  {name}" for name in sorted(self.processors)]
        lines = [
            _HEADINGS[self.kind],
            "",
            f"Request    {self.request}",
            f"Completed  {format_instant(self.completed_at)}",
            "",
            "What was erased or changed, by table",
            *(counts or ["  nothing was on record"]),
            "",
            "Processors that were told",
            *(processors or ["  none was on record"]),
            "",
            f"The last backup that still holds the data expires on {self.last_backup_day}.",
            f"The act stands in the log as entry {self.log_index}; the proof is below.",
            STATEMENT,
            "",
            self.proof.rstrip("\n"),
        ]
        return "\n".join(lines) + "\n"
