"""When certificates end, so that people are told before a node can't connect any more."""

from pathlib import Path

from cryptography import x509


def ends_at_s(path: Path) -> float | None:
    """UTC seconds at which the first of the certificates in a PEM file ends; None where it can't be read."""
    try:
        return min(one.not_valid_after_utc.timestamp() for one in x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError):
        return None
