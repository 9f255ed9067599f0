"""Signatures by a key that never leaves KMS. RSASSA-PKCS1-v1_5: the same digest always gives the same signature."""

import base64
import hashlib
from typing import TYPE_CHECKING, Final

from arrears.adapters.aws import translated

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

ALGORITHM: Final = "RSASSA_PKCS1_V1_5_SHA_256"
_LINE: Final = 64


class KmsSigner:
    """Signs with one key. See `effects.ports.Signer`."""

    algorithm = ALGORITHM

    def __init__(self, client: "KMSClient", key_id: str) -> None:
        self._client, self.key_id = client, key_id

    def sign(self, body: bytes) -> bytes:
        """Return the signature over the SHA-256 of some bytes.

        Raises:
            PermanentActionError: the key may not be used, or is disabled.
            TransientServiceError: KMS is busy; signing again gives the same.
        """
        digest = hashlib.sha256(body).digest()
        with translated("kms:Sign"):
            answer = self._client.sign(
                KeyId=self.key_id, Message=digest, MessageType="DIGEST", SigningAlgorithm=ALGORITHM
            )
        return bytes(answer["Signature"])

    def public_key(self) -> bytes:
        """Return the public key as PEM (SubjectPublicKeyInfo, RFC 7468)."""
        with translated("kms:GetPublicKey"):
            answer = self._client.get_public_key(KeyId=self.key_id)
        text = base64.b64encode(answer["PublicKey"]).decode()
        lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""]).encode()
