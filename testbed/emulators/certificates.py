"""Certificates for an evening: an authority of an emulated device's own, and what it issues."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_VALID = timedelta(days=30)


@dataclass(frozen=True)
class Issued:
    """The PEM files of a certificate and of its key."""

    cert: Path
    key: Path


class Authority:
    """Issues certificates into a folder; its own is `ca`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._name, self._key = _subject(name), _new_key()
        self._certificate = self._sign(self._name, self._key, self._key, authority=True)
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(_pem(self._certificate))

    def issue(self, name: str, address: str = "", extensions: dict[str, bytes] | None = None) -> Issued:
        """Return a certificate and its key: for a device at an IP address, with extensions by their OID."""
        key = _new_key()
        certificate = self._sign(_subject(name), key, self._key, address=address, extensions=extensions or {})
        files = Issued(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        files.cert.write_bytes(_pem(certificate))
        _write_secret(files.key, key)
        return files

    def _sign(
        self,
        subject: Any,
        key: Any,
        signer: Any,
        *,
        authority: bool = False,
        address: str = "",
        extensions: dict[str, bytes] | None = None,
    ) -> Any:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - _VALID)
            .not_valid_after(now + _VALID)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
            )
        )
        if address:
            names = [x509.IPAddress(ipaddress.ip_address(address)), x509.DNSName("localhost")]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        for oid, value in (extensions or {}).items():
            extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(signer, hashes.SHA256())


def _subject(name: str) -> Any:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _new_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _pem(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return bytes(certificate.public_bytes(Encoding.PEM))


def _write_secret(file: Path, key: Any) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as secret:
        secret.write(data)
