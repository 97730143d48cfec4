"""TLS is verified always: an unknown authority or a wrong host name is refused, a named one is trusted."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.server import ServerConnection, serve

from sniperforge.base.events import FeedChanged
from sniperforge.feeds.feed import Endpoint
from sniperforge.feeds.settings import Connection
from tests.integration.feeds.node import Node, Shelf, feeding, run, settings, until


def certificate(folder: Path, *names: x509.GeneralName) -> Path:
    """Write a self-signed certificate with its key for *names*; return the PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(list(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    ("name", "trusted", "state"),
    [
        (LOOPBACK, True, "subscribed"),
        (LOOPBACK, False, "refused"),
        (x509.DNSName("elsewhere.example"), True, "refused"),
    ],
)
def test_a_certificate_must_be_of_a_known_authority_and_of_this_host(
    tmp_path: Path, name: x509.GeneralName, trusted: bool, state: str
) -> None:
    """There is no setting that turns the check off."""
    pem = certificate(tmp_path, name)

    async def main() -> None:
        shelf, context, peer = Shelf(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Node()
        context.load_cert_chain(pem)

        async def answer(connection: ServerConnection) -> None:
            await peer.converse(connection)

        async with serve(answer, "127.0.0.1", 0, ssl=context) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            endpoint = Endpoint(url=f"wss://127.0.0.1:{port}", name="node")
            limits = Connection(ca_file=str(pem) if trusted else "")
            async with feeding(settings(endpoint, connection=limits), shelf):
                await until(lambda: state in shelf.states("node"), state)
        if state == "refused":
            assert "certificate" in shelf.of(FeedChanged)[-1].detail

    run(main)
