"""The role in a certificate, by which a secured device tells what its holder may do.

Source: Modbus/TCP Security Protocol Specification v21: one UTF8String in an extension of its own.
"""

from __future__ import annotations

ROLE = "1.3.6.1.4.1.50316.802.1"
"""The extension's object identifier."""

_UTF8_STRING = 0x0C
_LONGEST = 127  # longer lengths take more than one byte in DER, and no role is so long


def encode_role(role: str) -> bytes:
    """Return the extension's value (DER); raises ValueError for a role of more than 127 bytes."""
    data = role.encode()
    if len(data) > _LONGEST:
        raise ValueError(f"a role has up to {_LONGEST} bytes, not {len(data)}")
    return bytes((_UTF8_STRING, len(data))) + data


def role_of(certificate: bytes) -> str:
    """Return the role in a certificate (DER); empty when it has none that can be read."""
    from cryptography import x509

    try:
        extensions = x509.load_der_x509_certificate(certificate).extensions
        found = extensions.get_extension_for_oid(x509.ObjectIdentifier(ROLE)).value
    except (x509.ExtensionNotFound, ValueError):
        return ""
    value = found.value if isinstance(found, x509.UnrecognizedExtension) else b""
    if len(value) < 2 or value[0] != _UTF8_STRING or value[1] != len(value) - 2:
        return ""
    return value[2:].decode(errors="replace")
