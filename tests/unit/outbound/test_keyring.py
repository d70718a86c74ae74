"""The file keyring: opens under its root key alone, and refuses what others could have read or changed."""

from __future__ import annotations

import base64
import hmac
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.identifiers.keys import KeyPurpose, TenantKeys
from gateway.kernel.errors import Conflict, Unavailable
from gateway.outbound.keyfile import FileRootKey, make_root_key, make_root_key_file, read_root_key
from gateway.outbound.keyring import Keyring

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
ROOT, OTHER = FileRootKey(KEY), FileRootKey(OTHER_KEY)
MESSAGE = b"one message"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the keyring will be; its directory is not made yet."""
    return tmp_path / "keys" / "keyring.json"


def secrets(keys: TenantKeys) -> dict[KeyPurpose, bytes]:
    """All keys of a tenant; of the match key a MAC."""
    match = keys.match(keys.newest).macs([MESSAGE])[0]
    return {purpose: match if purpose is KeyPurpose.MATCH else keys.secret(purpose) for purpose in KeyPurpose}


def tenants(path: Path) -> dict[str, Any]:
    """What the file says."""
    return dict(orjson.loads(path.read_bytes())["tenants"])


def rewrite(path: Path, stored: dict[str, Any]) -> None:
    """Put this into the file instead."""
    path.write_bytes(orjson.dumps({"version": 2, "service": "file", "tenants": stored}))


def test_keys_are_made_once_and_found_again(path: Path) -> None:
    made = secrets(Keyring(path, ROOT).create(1))
    assert len(set(made.values())) == len(KeyPurpose)
    assert secrets(Keyring(path, ROOT).tenant(1)) == made
    with pytest.raises(Conflict):
        Keyring(path, ROOT).create(1)


def test_tenants_share_no_key(path: Path) -> None:
    keyring = Keyring(path, ROOT)
    one, two = secrets(keyring.create(1)), secrets(keyring.create(2))
    assert set(one.values()).isdisjoint(two.values())
    assert secrets(Keyring(path, ROOT).tenant(1)) == one


def test_only_the_owner_reads_it(path: Path) -> None:
    Keyring(path, ROOT).create(1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_no_key_stands_in_it(path: Path) -> None:
    made = secrets(Keyring(path, ROOT).create(1))
    content = path.read_bytes()
    for key in (*made.values(), KEY):
        assert key not in content
        assert base64.b64encode(key) not in content
        assert key.hex().encode() not in content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_one_that_others_can_read_is_refused(path: Path, mode: int) -> None:
    Keyring(path, ROOT).create(1)
    path.chmod(mode)
    with pytest.raises(Unavailable, match="chmod 600"):
        Keyring(path, ROOT).tenant(1)


def test_an_unknown_tenant_has_no_keys(path: Path) -> None:
    with pytest.raises(Unavailable, match="no keys of this tenant"):
        Keyring(path, ROOT).tenant(1)
    Keyring(path, ROOT).create(1)
    with pytest.raises(Unavailable, match="no keys of this tenant"):
        Keyring(path, ROOT).tenant(2)


def test_the_wrong_root_key_opens_nothing(path: Path) -> None:
    Keyring(path, ROOT).create(1)
    with pytest.raises(Unavailable, match="does not open"):
        Keyring(path, OTHER).tenant(1)


def test_destroyed_keys_are_gone(path: Path) -> None:
    keyring = Keyring(path, ROOT)
    keyring.create(1)
    kept = secrets(keyring.create(2))
    keyring.destroy(1)
    for reader in (keyring, Keyring(path, ROOT)):
        with pytest.raises(Unavailable):
            reader.tenant(1)
        assert secrets(reader.tenant(2)) == kept
    keyring.destroy(1)


class TestTampering:
    def test_a_key_moved_to_another_purpose_does_not_open(self, path: Path) -> None:
        Keyring(path, ROOT).create(1)
        stored = tenants(path)
        stored["1"]["match"]["1"]["wrapped"] = stored["1"]["keys"]["suppress"]
        rewrite(path, stored)
        with pytest.raises(Unavailable, match="does not open"):
            Keyring(path, ROOT).tenant(1)

    def test_a_key_moved_to_another_tenant_does_not_open(self, path: Path) -> None:
        Keyring(path, ROOT).create(1)
        stored = tenants(path)
        rewrite(path, {**stored, "2": stored["1"]})
        with pytest.raises(Unavailable, match="does not open"):
            Keyring(path, ROOT).tenant(2)

    @pytest.mark.parametrize("place", [0, 11, 12, 43, 44, 59])
    def test_a_changed_byte_does_not_open(self, path: Path, place: int) -> None:
        Keyring(path, ROOT).create(1)
        stored = tenants(path)
        sealed = bytearray(base64.b64decode(stored["1"]["keys"]["seal"]))
        sealed[place] ^= 1
        stored["1"]["keys"]["seal"] = base64.b64encode(sealed).decode()
        rewrite(path, stored)
        with pytest.raises(Unavailable, match="does not open"):
            Keyring(path, ROOT).tenant(1)

    @pytest.mark.parametrize(
        ("purpose", "text"),
        [("seal", "AAAA"), ("seal", "not base64!"), ("seal", ""), ("unheard_of", "AAAA"), ("match", "AAAA")],
    )
    def test_nonsense_does_not_open(self, path: Path, purpose: str, text: str) -> None:
        Keyring(path, ROOT).create(1)
        stored = tenants(path)
        stored["1"]["keys"][purpose] = text
        rewrite(path, stored)
        with pytest.raises(Unavailable, match="does not open"):
            Keyring(path, ROOT).tenant(1)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"tenants": 5}', b"\xff\xfe"])
    def test_a_file_that_is_no_keyring_is_unavailable(self, path: Path, content: bytes) -> None:
        Keyring(path, ROOT).create(1)
        path.write_bytes(content)
        with pytest.raises(Unavailable):
            Keyring(path, ROOT).tenant(1)
        with pytest.raises(Unavailable):
            Keyring(path, ROOT).create(2)
        assert path.read_bytes() == content

    def test_a_key_that_nothing_uses_any_more_is_passed_over(self, path: Path) -> None:
        made = secrets(Keyring(path, ROOT).create(1))
        stored = tenants(path)
        stored["1"]["keys"]["outward"] = stored["1"]["keys"]["suppress"]
        rewrite(path, stored)
        assert secrets(Keyring(path, ROOT).tenant(1)) == made

    def test_a_missing_key_is_missed_when_it_is_needed(self, path: Path) -> None:
        Keyring(path, ROOT).create(1)
        stored = tenants(path)
        del stored["1"]["keys"]["suppress"]
        rewrite(path, stored)
        keys = Keyring(path, ROOT).tenant(1)
        with pytest.raises(Unavailable, match="suppress"):
            keys.hmac(KeyPurpose.SUPPRESS)

    @pytest.mark.parametrize("version", ["2", "x", "1.0"])
    def test_a_match_key_moved_to_another_version_does_not_open(self, path: Path, version: str) -> None:
        Keyring(path, ROOT).create(1)
        stored = tenants(path)
        stored["1"]["match"][version] = stored["1"]["match"].pop("1")
        rewrite(path, stored)
        with pytest.raises(Unavailable, match="does not open"):
            Keyring(path, ROOT).tenant(1)

    @pytest.mark.parametrize("match", [{"1": {}}, {"1": "AAAA"}, {"1": {"wrapped": 5}}, [], None, {"1": None}])
    def test_a_damaged_match_key_does_not_open(self, path: Path, match: object) -> None:
        Keyring(path, ROOT).create(1)
        stored = tenants(path)
        stored["1"]["match"] = match
        rewrite(path, stored)
        with pytest.raises(Unavailable, match="does not open"):
            Keyring(path, ROOT).tenant(1)

    @pytest.mark.parametrize("match", [{}, [], None, {"x": {}}, {"1": None}])
    def test_a_damaged_match_key_gets_no_newer_version(self, path: Path, match: object) -> None:
        Keyring(path, ROOT).create(1)
        stored = tenants(path)
        stored["1"]["match"] = match
        rewrite(path, stored)
        with pytest.raises(Unavailable, match="does not open"):
            Keyring(path, ROOT).add_version(1)

    def test_a_key_of_another_length_does_not_open(self, path: Path) -> None:
        Keyring(path, ROOT).create(1)
        stored = tenants(path)
        stored["1"]["keys"]["seal"] = wrapped("seal", bytes(16))
        rewrite(path, stored)
        with pytest.raises(Unavailable, match="32 bytes"):
            Keyring(path, ROOT).tenant(1)


class TestVersionOneOfTheFile:
    """What the first release wrote: a wrapped key per purpose, no service, no versions."""

    def test_it_opens_and_is_written_anew_at_the_next_change(self, path: Path) -> None:
        keys = {purpose.value: os.urandom(32) for purpose in KeyPurpose}
        path.parent.mkdir()
        old = {"1": {name: wrapped(name, key) for name, key in keys.items()}}
        path.touch(mode=0o600)
        path.write_bytes(orjson.dumps({"version": 1, "tenants": old}))
        wanted = {**keys, "match": hmac.digest(keys["match"], MESSAGE, "sha256")}
        keyring = Keyring(path, ROOT)
        assert secrets(keyring.tenant(1)) == wanted
        assert keyring.add_version(1) == 2
        assert orjson.loads(path.read_bytes())["version"] == 2
        again = Keyring(path, ROOT).tenant(1)
        assert again.versions == (1, 2)
        assert again.match(1).macs([MESSAGE]) == [wanted["match"]]
        assert all(again.secret(purpose) == keys[purpose] for purpose in KeyPurpose if purpose is not KeyPurpose.MATCH)

    def test_a_version_of_the_future_is_refused(self, path: Path) -> None:
        Keyring(path, ROOT).create(1)
        content = orjson.loads(path.read_bytes())
        path.write_bytes(orjson.dumps({**content, "version": 3}))
        with pytest.raises(Unavailable, match="newer program"):
            Keyring(path, ROOT).tenant(1)


def wrapped(purpose: str, key: bytes) -> str:
    """A key of tenant 1 as the file holds it."""
    return base64.b64encode(ROOT.wrap(f"consent-gateway:1:{purpose}".encode(), key)).decode()


def test_a_version_is_made_by_whoever_asks_first(path: Path) -> None:
    Keyring(path, ROOT).create(1)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Keyring(path, ROOT).add_version(1), range(12)))
    assert sorted(made) == list(range(2, 14))
    assert Keyring(path, ROOT).tenant(1).versions == tuple(range(1, 14))


def test_only_a_tenant_that_is_there_gets_a_version(path: Path) -> None:
    for change in (Keyring(path, ROOT).add_version, partial(Keyring(path, ROOT).destroy_version, version=1)):
        with pytest.raises(Unavailable, match="no keys of this tenant"):
            change(1)


def test_a_failed_rewrite_leaves_the_old_file(path: Path) -> None:
    keyring = Keyring(path, ROOT)
    keyring.create(1)
    before = path.read_bytes()
    with pytest.raises(Conflict):
        keyring.create(1)
    assert path.read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir()) == ["keyring.json", "keyring.lock"]


def test_processes_side_by_side_lose_no_tenant(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda tenant: secrets(Keyring(path, ROOT).create(tenant)), range(1, 21)))
    reader = Keyring(path, ROOT)
    assert [secrets(reader.tenant(tenant)) for tenant in range(1, 21)] == made


class TestRootKey:
    def test_a_new_one_is_32_random_bytes(self, tmp_path: Path) -> None:
        one, other = make_root_key(), make_root_key()
        assert one != other
        assert len(read_root_key(one, tmp_path / "none")) == 32

    def test_the_environment_comes_before_the_file(self, tmp_path: Path) -> None:
        file = self.file(tmp_path, base64.b64encode(OTHER_KEY).decode())
        assert read_root_key(base64.b64encode(KEY).decode(), file) == KEY
        assert read_root_key(None, file) == OTHER_KEY

    def test_white_space_around_it_does_not_matter(self, tmp_path: Path) -> None:
        assert read_root_key(None, self.file(tmp_path, f" {base64.b64encode(KEY).decode()}\n\n")) == KEY

    def test_one_that_others_can_read_is_refused(self, tmp_path: Path) -> None:
        file = self.file(tmp_path, make_root_key())
        file.chmod(0o644)
        with pytest.raises(Unavailable, match="chmod 600"):
            read_root_key(None, file)

    def test_without_any_it_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(Unavailable, match="gateway init"):
            read_root_key(None, tmp_path / "none")

    @pytest.mark.parametrize("text", ["", "secret", base64.b64encode(bytes(31)).decode(), "é" * 44, "=" * 44])
    def test_anything_else_is_refused_and_not_shown(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(Unavailable, match="32 bytes in Base64") as refused:
            read_root_key(text, tmp_path / "none")
        assert not text or text not in str(refused.value)

    def test_a_file_that_is_no_text_is_refused(self, tmp_path: Path) -> None:
        file = self.file(tmp_path, "")
        file.write_bytes(os.urandom(16) + b"\xff")
        with pytest.raises(Unavailable):
            read_root_key(None, file)

    def test_the_file_is_made_once(self, tmp_path: Path) -> None:
        path = tmp_path / "root.key"
        assert str(path) in make_root_key_file(path)
        made = read_root_key(None, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert make_root_key_file(path) == ""
        assert read_root_key(None, path) == made

    def file(self, directory: Path, text: str) -> Path:
        """A root key file of mode 0600."""
        file = directory / "root.key"
        file.write_text(text)
        file.chmod(0o600)
        return file
