"""What to do about a device that wants to be paired, or does not."""

PAIR_NEXT = "check passkey=... of the wire, or write pair=just-works for a device that has none"

WANTS_PAIRING = (0x05, 0x0C, 0x0F)
"""ATT errors of who is not paired, or not well enough: authentication, key size, encryption (3.4.1.1)."""
