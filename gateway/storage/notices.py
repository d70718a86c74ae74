"""The register of notices: what people were shown when they were asked. No person's data."""

from __future__ import annotations

from typing import NamedTuple

from gateway.storage import schema
from gateway.storage.session import Session


class NoticeRow(NamedTuple):
    """One version of a notice. `languages` (BCP 47) and `purposes` are parted by blanks; times in milliseconds."""

    notice: str
    version: str
    languages: str
    purposes: str
    digest: str
    text: str
    in_force_from: int
    in_force_to: int | None


class NoticeVersion(NamedTuple):
    """What decides whether a consent counts."""

    notice: str
    version: str
    purposes: str
    in_force_from: int
    in_force_to: int | None


class NoticeStore:
    """Notices of one tenant. A version is never changed: it can only come to its end."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self._session = session
        self._tenant = tenant_id

    def versions(self) -> list[NoticeVersion]:
        """The whole register without the texts."""
        columns = ", ".join(NoticeVersion._fields)
        sql = f"SELECT {columns} FROM notice WHERE tenant_id = ? ORDER BY notice, in_force_from"  # noqa: S608 - constant
        return [NoticeVersion._make(row) for row in self._session.rows(sql, [self._tenant])]

    def all(self) -> list[NoticeRow]:
        """The whole register."""
        columns = ", ".join(NoticeRow._fields)
        sql = f"SELECT {columns} FROM notice WHERE tenant_id = ? ORDER BY notice, in_force_from"  # noqa: S608 - constant
        return [NoticeRow._make(row) for row in self._session.rows(sql, [self._tenant])]

    def add(self, row: NoticeRow) -> None:
        """A new version."""
        self._session.insert(schema.notice, [(self._tenant, *row)])

    def end(self, notice: str, version: str, moment: int) -> int:
        """The version is shown to nobody from `moment` on -> 1, or 0 where none such is in force."""
        sql = (
            "UPDATE notice SET in_force_to = ? WHERE tenant_id = ? AND notice = ? AND version = ?"
            " AND in_force_from < ? AND (in_force_to IS NULL OR in_force_to > ?)"
        )
        return self._session.run(sql, [moment, self._tenant, notice, version, moment, moment])
