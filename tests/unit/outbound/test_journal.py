"""The journal: what was acknowledged is there, what a crash tore is not, and a damaged line is never skipped."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.kernel.errors import Unavailable
from gateway.outbound.journal import Journal

TENANT = 7
ONE, TWO = {"type": "consent", "acts": [1]}, {"type": "erasure", "tokens": ["ab"]}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the journals will be; not made yet."""
    return tmp_path / "outside" / "journal"


@pytest.fixture
def journal(directory: Path) -> Journal:
    """A journal of no entries."""
    return Journal(directory)


def file_of(directory: Path) -> Path:
    (found,) = directory.iterdir()
    return found


def acts(journal: Journal, start: int = 0) -> list[dict[str, object]]:
    """All entries from `start` on."""
    return [entry for _, entry in journal.entries(TENANT, start)]


def test_none_yet(journal: Journal, directory: Path) -> None:
    assert journal.size(TENANT) == 0
    assert acts(journal) == []
    assert not directory.exists()


def test_entries_come_back_in_order_with_their_ends(journal: Journal, directory: Path) -> None:
    ends = [journal.append(TENANT, entry) for entry in (ONE, TWO, ONE)]
    assert [end for end, _ in journal.entries(TENANT)] == ends
    assert acts(journal) == [ONE, TWO, ONE]
    assert acts(journal, ends[0]) == [TWO, ONE]
    assert acts(journal, ends[2]) == []
    assert journal.size(TENANT) == ends[2] == file_of(directory).stat().st_size


def test_another_process_sees_them(journal: Journal, directory: Path) -> None:
    other = Journal(directory)
    assert other.size(TENANT) == 0
    end = journal.append(TENANT, ONE)
    assert other.size(TENANT) == end
    assert other.append(TENANT, TWO) == journal.size(TENANT)
    assert acts(journal) == [ONE, TWO]


def test_a_line_is_its_checksum_and_canonical_json(journal: Journal, directory: Path) -> None:
    journal.append(TENANT, {"b": "é", "a": [1, None]})
    check, _, text = file_of(directory).read_bytes().partition(b" ")
    assert text == '{"a":[1,null],"b":"é"}\n'.encode()
    assert int(check, 16) == zlib.crc32(text.rstrip(b"\n"))


def test_tenants_are_kept_apart_and_one_can_be_destroyed(journal: Journal) -> None:
    journal.append(TENANT, ONE)
    journal.append(8, TWO)
    assert acts(journal) == [ONE]
    journal.destroy(TENANT)
    journal.destroy(TENANT)
    assert acts(journal) == []
    assert journal.size(TENANT) == 0
    assert journal.size(8) > 0


def test_nobody_else_reads_it(journal: Journal, directory: Path) -> None:
    journal.append(TENANT, ONE)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(file_of(directory).stat().st_mode) == 0o600


class TestTornLine:
    """A crash or a full disk leaves a part of a line: it was never acknowledged."""

    def test_it_does_not_count(self, journal: Journal, directory: Path) -> None:
        end = journal.append(TENANT, ONE)
        with file_of(directory).open("ab") as file:
            file.write(b'0badc0de {"type":"era')
        assert journal.size(TENANT) == end
        assert Journal(directory).size(TENANT) == end
        assert acts(journal) == [ONE]

    def test_the_next_append_cuts_it_off(self, journal: Journal, directory: Path) -> None:
        end = journal.append(TENANT, ONE)
        with file_of(directory).open("ab") as file:
            file.write(b"torn" * 100)
        assert journal.append(TENANT, TWO) > end
        assert acts(journal) == [ONE, TWO]
        assert acts(Journal(directory), end) == [TWO]

    def test_nothing_but_a_torn_line(self, journal: Journal, directory: Path) -> None:
        journal.append(TENANT, ONE)
        file_of(directory).write_bytes(b"to")
        assert Journal(directory).size(TENANT) == 0
        journal.append(TENANT, TWO)
        assert acts(journal) == [TWO]

    @settings(max_examples=40)
    @given(cut=st.integers(1, 200))
    def test_wherever_it_tore(self, tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
        directory = tmp_path_factory.mktemp("journal")
        journal = Journal(directory)
        first = journal.append(TENANT, ONE)
        whole = journal.append(TENANT, TWO)
        os.truncate(file_of(directory), max(first, whole - cut))
        assert acts(Journal(directory)) == [ONE]
        assert Journal(directory).size(TENANT) == first
        journal.append(TENANT, TWO)
        assert acts(journal) == [ONE, TWO]


class TestDamage:
    """A whole line that is not what was written: nobody may act as if the journal were read."""

    @pytest.mark.parametrize(
        "line",
        [
            b"00000000 {}\n",
            b"\n",
            b"{}\n",
            b"%08X %b\n" % (zlib.crc32(b'{"a":"\xc3\xa9"}'), b'{"a":"\xc3\xa8"}'),
        ],
    )
    def test_it_is_refused(self, journal: Journal, directory: Path, line: bytes) -> None:
        journal.append(TENANT, ONE)
        with file_of(directory).open("ab") as file:
            file.write(line)
        read = journal.entries(TENANT)
        assert next(read)[1] == ONE
        with pytest.raises(Unavailable, match="damaged"):
            next(read)

    @settings(max_examples=40)
    @given(
        entry=st.dictionaries(st.text(), st.integers(0, 2**53) | st.text()),
        place=st.integers(0),
        flip=st.integers(1, 255),
    )
    def test_no_changed_byte_passes(
        self, tmp_path_factory: pytest.TempPathFactory, entry: Mapping[str, object], place: int, flip: int
    ) -> None:
        directory = tmp_path_factory.mktemp("journal")
        journal = Journal(directory)
        journal.append(TENANT, entry)
        content = bytearray(file_of(directory).read_bytes())
        content[place % len(content)] ^= flip
        file_of(directory).write_bytes(content)
        with suppress(Unavailable):
            assert acts(Journal(directory)) == []


def test_what_cannot_be_written_is_not_acknowledged(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    journal = Journal(tmp_path / "file" / "journal")
    with pytest.raises(Unavailable, match="nothing was acknowledged"):
        journal.append(TENANT, ONE)
    with pytest.raises(Unavailable, match="cannot be read"):
        journal.size(TENANT)


def test_writers_side_by_side(directory: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(lambda number: Journal(directory).append(TENANT, {"n": number}), range(40)))
    assert len(set(ends)) == 40
    assert sorted(str(entry["n"]) for entry in acts(Journal(directory))) == sorted(map(str, range(40)))
