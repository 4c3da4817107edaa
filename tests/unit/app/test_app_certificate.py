"""The node's certificate: the operator's is never touched, our own is made, kept, and made anew when it must be."""

import datetime
import ssl
from pathlib import Path

import pytest
import time_machine
from cryptography import x509

from hatoba.app import certificate
from hatoba.app.places import Places
from hatoba.net import tls


def own(tmp_path: Path, name: str = "mail.example.com") -> certificate.Pair:
    return certificate.ensure(certificate.Settings(), name, Places(tmp_path))


def names(path: str) -> set[str]:
    found = x509.load_pem_x509_certificate(Path(path).read_bytes())
    extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in extension}


def test_the_operators_files_are_taken_as_they_are(tmp_path: Path) -> None:
    settings = certificate.Settings(certificate="/etc/c.pem", key="/etc/k.pem")
    assert certificate.ensure(settings, "x", Places(tmp_path)) == certificate.Pair(
        "/etc/c.pem", "/etc/k.pem", own=False
    )
    both = certificate.Settings(certificate="/etc/both.pem")
    assert certificate.ensure(both, "x", Places(tmp_path)).key == "/etc/both.pem"
    assert not (tmp_path / "tls").exists()


def test_a_self_signed_one_is_made_once(tmp_path: Path) -> None:
    first = own(tmp_path)
    assert first.own
    assert {"mail.example.com", "localhost", "127.0.0.1", "::1"} <= names(first.certificate)
    assert Path(first.key).stat().st_mode & 0o077 == 0
    written = Path(first.certificate).read_bytes()
    assert own(tmp_path) == first
    assert Path(first.certificate).read_bytes() == written
    assert isinstance(tls.server_context(first.certificate, first.key), ssl.SSLContext)


@pytest.mark.parametrize("name", ["mail.example.com", "a.b", "localhost", "192.0.2.7"])
def test_its_subject_is_the_nodes_name_and_it_stands(tmp_path: Path, name: str) -> None:
    pair = own(tmp_path, name)
    found = x509.load_pem_x509_certificate(Path(pair.certificate).read_bytes())
    assert found.subject.rfc4514_string() == f"CN={name}"
    written = Path(pair.certificate).read_bytes()
    own(tmp_path, name)
    assert Path(pair.certificate).read_bytes() == written


def test_another_name_makes_another_one(tmp_path: Path) -> None:
    own(tmp_path, "old.example.com")
    assert "new.example.com" in names(own(tmp_path, "new.example.com").certificate)


def test_near_its_end_it_is_made_anew(tmp_path: Path) -> None:
    pair = own(tmp_path)
    written = Path(pair.certificate).read_bytes()
    end = x509.load_pem_x509_certificate(written).not_valid_after_utc
    with time_machine.travel(end - certificate.RENEW_BEFORE - datetime.timedelta(days=1)):
        own(tmp_path)
        assert Path(pair.certificate).read_bytes() == written
    with time_machine.travel(end - certificate.RENEW_BEFORE + datetime.timedelta(days=1)):
        own(tmp_path)
        assert Path(pair.certificate).read_bytes() != written


@pytest.mark.parametrize("damage", [b"", b"-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n"])
def test_a_damaged_one_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    pair = own(tmp_path)
    Path(pair.certificate).write_bytes(damage)
    assert "localhost" in names(own(tmp_path).certificate)


def test_a_lost_key_makes_another_pair(tmp_path: Path) -> None:
    pair = own(tmp_path)
    Path(pair.key).unlink()
    again = own(tmp_path)
    assert isinstance(tls.server_context(again.certificate, again.key), ssl.SSLContext)


def test_the_nodes_name() -> None:
    assert certificate.hostname("mail.example.com") == "mail.example.com"
    assert certificate.hostname("")
