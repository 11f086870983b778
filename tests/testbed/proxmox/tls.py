"""The certificate of the API and the CA that signed it, as a node of Proxmox VE has its own."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

YEARS = timedelta(days=3650)


def server_context(folder: Path, address: str, names: list[str]) -> tuple[ssl.SSLContext, Path]:
    """A context for the server at `address`, and the path of the CA certificate; both are kept in `folder`."""
    ca, chain = folder / "pve-root-ca.pem", folder / f"pve-ssl-{address.replace(':', '_')}.pem"
    if not (ca.exists() and chain.exists()):
        _make(ca, chain, address, names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context, ca


def _make(ca: Path, chain: Path, address: str, names: list[str]) -> None:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Proxmox Virtual Environment (stand-in)")])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    root = (
        _builder(ca_name, ca_name, ca_key)
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(usage, True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), False)
        .sign(ca_key, hashes.SHA256())
    )
    ips = {ipaddress.ip_address(address), ipaddress.ip_address("127.0.0.1")}
    told = [*(x509.IPAddress(ip) for ip in sorted(ips, key=str)), *(x509.DNSName(name) for name in names)]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    server = (
        _builder(subject, ca_name, key)
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(x509.SubjectAlternativeName(told), False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
        .sign(ca_key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.touch(0o600)
    chain.write_bytes(server.public_bytes(serialization.Encoding.PEM) + secret)
    ca.write_bytes(root.public_bytes(serialization.Encoding.PEM))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + YEARS)
    )
