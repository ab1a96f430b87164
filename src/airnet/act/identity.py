"""Identity: TLS 1.3 in which both sides show who they are."""

import ssl
from pathlib import Path

from airnet.errors import ConfigError


def identity(
    purpose: ssl.Purpose, base: Path, names: tuple[str, str, str]
) -> ssl.SSLContext:
    """Return a TLS 1.3 context that knows itself and asks the other who it is.

    Args:
        purpose: SERVER_AUTH for who connects, CLIENT_AUTH for who listens.
        base: what relative paths are relative to.
        names: certificate, its key, and the authority's certificate: PEM files.

    Raises:
        ConfigError: a file cannot be read, or does not belong with the others.
    """
    certificate, key, authority = (base / name for name in names)
    try:
        context = ssl.create_default_context(purpose, cafile=str(authority))
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"identity {certificate}, {key}, {authority}: {error}",
            "give PEM files of one key pair, and of who signed the other side's",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    return context
