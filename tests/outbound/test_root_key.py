"""What every key service promises behind the port `RootKey`, against the real thing of each."""

from __future__ import annotations

import itertools
import os
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.identifiers.keys import KeyPurpose
from gateway.kernel.errors import Conflict, InvalidInput, Unavailable
from gateway.outbound.keyring import Keyring
from gateway.outbound.root_key import RootKey
from tests.key_services import BAO_TOKEN, PIN, KeyPlace, opened

KEY = bytes(range(32))
LABELS = (f"consent-gateway-test-{number}-{os.urandom(4).hex()}" for number in itertools.count())
MESSAGES = [b"", b"one", b"two", b"\x00" * 100, b"one"]
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789:_-", min_size=1, max_size=60)


class TestWrapping:
    @settings(max_examples=15)
    @given(context=NAMES.map(str.encode), key=st.binary(min_size=1, max_size=64))
    def test_what_was_wrapped_is_unwrapped_under_its_context(self, root: RootKey, context: bytes, key: bytes) -> None:
        wrapped = root.wrap(context, key)
        assert root.unwrap(context, wrapped) == key
        assert key not in wrapped or len(key) < 4
        with pytest.raises(Unavailable):
            root.unwrap(context + b"0", wrapped)

    def test_no_two_wrappings_are_the_same(self, root: RootKey) -> None:
        assert root.wrap(b"context", KEY) != root.wrap(b"context", KEY)

    def test_a_changed_byte_does_not_unwrap(self, root: RootKey) -> None:
        wrapped = root.wrap(b"context", KEY)
        for place in (len(wrapped) // 2, len(wrapped) - 5):
            changed = bytearray(wrapped)
            changed[place] = changed[place] + 1 if changed[place] in b"A0" else ord("A")
            with pytest.raises(Unavailable):
                root.unwrap(b"context", bytes(changed))

    @pytest.mark.parametrize("wrapped", [b"", b"short", bytes(60), b"vault:v1:AAAA", b"\xff" * 100])
    def test_nonsense_does_not_unwrap(self, root: RootKey, wrapped: bytes) -> None:
        with pytest.raises(Unavailable):
            root.unwrap(b"context", wrapped)

    def test_another_process_or_a_restart_unwraps_it(self, root: RootKey, place: KeyPlace) -> None:
        assert opened(place.environment).unwrap(b"context", root.wrap(b"context", KEY)) == KEY

    def test_preparing_again_changes_nothing(self, root: RootKey) -> None:
        wrapped = root.wrap(b"context", KEY)
        assert root.prepare() == ""
        assert root.unwrap(b"context", wrapped) == KEY

    def test_threads_do_not_disturb_each_other(self, root: RootKey) -> None:
        def there_and_back(number: int) -> bytes:
            return root.unwrap(f"context:{number}".encode(), root.wrap(f"context:{number}".encode(), bytes([number])))

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(there_and_back, range(40))) == [bytes([number]) for number in range(40)]


class TestMacs:
    def test_a_key_gives_one_mac_a_message_in_order(self, mac_root: RootKey) -> None:
        key = mac_root.mac_key(mac_root.make_mac_key(next(LABELS)))
        made = key.macs(MESSAGES)
        assert [len(mac) for mac in made] == [32] * len(MESSAGES)
        assert made[1] == made[4]
        assert len(set(made)) == len(MESSAGES) - 1
        assert [key.macs([message])[0] for message in MESSAGES] == made
        assert key.macs([]) == []

    def test_a_long_batch_keeps_its_order(self, mac_root: RootKey) -> None:
        key = mac_root.mac_key(mac_root.make_mac_key(next(LABELS)))
        messages = [str(number).encode() for number in range(250)]
        made = key.macs(messages)
        assert len(set(made)) == 250
        assert key.macs(messages[::-1]) == made[::-1]

    def test_different_keys_differ_and_a_restart_finds_them(self, mac_root: RootKey, mac_place: KeyPlace) -> None:
        one, other = (mac_root.make_mac_key(next(LABELS)) for _ in range(2))
        again = opened(mac_place.environment)
        assert again.mac_key(one).macs(MESSAGES) == mac_root.mac_key(one).macs(MESSAGES)
        assert set(mac_root.mac_key(one).macs(MESSAGES)).isdisjoint(mac_root.mac_key(other).macs(MESSAGES))

    def test_threads_share_a_key(self, mac_root: RootKey) -> None:
        key = mac_root.mac_key(mac_root.make_mac_key(next(LABELS)))
        wanted = key.macs(MESSAGES)
        with ThreadPoolExecutor(8) as pool:
            assert all(made == wanted for made in pool.map(lambda _: key.macs(MESSAGES), range(24)))

    def test_a_destroyed_key_makes_nothing_more(self, mac_root: RootKey, mac_place: KeyPlace) -> None:
        reference = mac_root.make_mac_key(next(LABELS))
        key = mac_root.mac_key(reference)
        opened(mac_place.environment).destroy_mac_key(reference)
        with pytest.raises(Unavailable):
            key.macs(MESSAGES)
        with pytest.raises(Unavailable):
            mac_root.mac_key(reference)
        mac_root.destroy_mac_key(reference)

    def test_a_reference_to_nothing_is_unavailable(self, mac_root: RootKey) -> None:
        with pytest.raises(Unavailable):
            mac_root.mac_key("consent-gateway-none")
        mac_root.destroy_mac_key("consent-gateway-none")

    def test_the_root_key_is_no_mac_key(self, mac_root: RootKey, mac_place: KeyPlace) -> None:
        name = mac_place.environment.get("GATEWAY_KMS_KEY_ID", "consent-gateway-root")
        with pytest.raises(Unavailable):
            mac_root.mac_key(name)


class TestKeyring:
    def test_a_restart_reads_everything_again(self, root: RootKey, place: KeyPlace, tmp_path: Path) -> None:
        made = Keyring(tmp_path / "keyring.json", root).create(1, macs_in_service=place.computes_macs)
        again = Keyring(tmp_path / "keyring.json", opened(place.environment)).tenant(1)
        others = [purpose for purpose in KeyPurpose if purpose is not KeyPurpose.MATCH]
        assert [again.secret(purpose) for purpose in others] == [made.secret(purpose) for purpose in others]
        assert again.versions == (1,)
        assert again.match(1).macs(MESSAGES) == made.match(1).macs(MESSAGES)

    def test_versions_come_and_go(self, root: RootKey, place: KeyPlace, tmp_path: Path) -> None:
        keyring, reader = (Keyring(tmp_path / "keyring.json", root) for _ in range(2))
        first = keyring.create(1, macs_in_service=place.computes_macs).match(1)
        assert reader.tenant(1).versions == (1,)
        assert [keyring.add_version(1), keyring.add_version(1)] == [2, 3]
        assert keyring.tenant(1).versions == (1, 2, 3)
        assert reader.tenant(1).newest == 1
        assert reader.refresh(1).newest == 3
        assert len({key.macs([b"m"])[0] for key in map(reader.tenant(1).match, (1, 2, 3))}) == 3
        assert reader.tenant(1).match(1).macs(MESSAGES) == first.macs(MESSAGES)
        with pytest.raises(Conflict, match="newest"):
            keyring.destroy_version(1, 3)
        keyring.destroy_version(1, 2)
        keyring.destroy_version(1, 2)
        assert reader.refresh(1).versions == (1, 3)
        with pytest.raises(Unavailable, match="version 2"):
            reader.tenant(1).match(2)
        assert keyring.add_version(1) == 4

    def test_a_destroyed_tenant_is_unavailable(self, root: RootKey, place: KeyPlace, tmp_path: Path) -> None:
        keyring = Keyring(tmp_path / "keyring.json", root)
        match = keyring.create(1, macs_in_service=place.computes_macs).match(1)
        kept = keyring.create(2).match(1).macs(MESSAGES)
        keyring.destroy(1)
        for reader in (keyring, Keyring(tmp_path / "keyring.json", root)):
            with pytest.raises(Unavailable, match="no keys of this tenant"):
                reader.tenant(1)
            assert reader.tenant(2).match(1).macs(MESSAGES) == kept
        if place.computes_macs:
            with pytest.raises(Unavailable):
                match.macs(MESSAGES)
        keyring.destroy(1)

    def test_a_keyring_of_another_service_says_which(self, root: RootKey, place: KeyPlace, tmp_path: Path) -> None:
        Keyring(tmp_path / "keyring.json", root).create(1)
        content = (tmp_path / "keyring.json").read_text().replace(f'"{place.name}"', '"elsewhere"')
        (tmp_path / "keyring.json").write_text(content)
        with pytest.raises(Unavailable, match="elsewhere"):
            Keyring(tmp_path / "keyring.json", root).tenant(1)

    def test_a_reference_moved_to_another_tenant_does_not_open(self, mac_root: RootKey, tmp_path: Path) -> None:
        path = tmp_path / "keyring.json"
        keyring = Keyring(path, mac_root)
        keyring.create(1, macs_in_service=True)
        mine = path.read_text()
        keyring.destroy(1)
        keyring.create(1, macs_in_service=True)
        theirs = path.read_text()
        one, other = (text.split('"reference": "')[1].split('"')[0] for text in (mine, theirs))
        path.write_text(theirs.replace(other, one))
        for use in (Keyring(path, mac_root).tenant, keyring.destroy):
            with pytest.raises(Unavailable, match="reference"):
                use(1)


def test_a_service_that_is_down_is_unavailable_and_no_secret_is_told(
    root: RootKey, place: KeyPlace, tmp_path: Path
) -> None:
    Keyring(tmp_path / "keyring.json", root).create(1, macs_in_service=place.computes_macs)
    with pytest.raises(Unavailable) as failed:
        Keyring(tmp_path / "keyring.json", opened({**place.environment, **place.down})).tenant(1)
    told = "".join(traceback.format_exception(failed.value)) + repr(root)
    secrets = [PIN, BAO_TOKEN, *(value for name, value in place.environment.items() if "SECRET" in name)]
    assert [secret for secret in secrets if secret in told] == []


def test_a_file_refuses_to_keep_match_keys(file_place: KeyPlace, tmp_path: Path) -> None:
    root = opened(file_place.environment)
    keyring = Keyring(tmp_path / "keyring.json", root)
    with pytest.raises(InvalidInput, match="pkcs11, kms or transit"):
        keyring.create(1, macs_in_service=True)
    with pytest.raises(Unavailable, match="no keys"):
        keyring.tenant(1)
    with pytest.raises(Unavailable, match="no MACs"):
        root.mac_key("any")
    with pytest.raises(Unavailable, match="no MACs"):
        root.destroy_mac_key("any")
