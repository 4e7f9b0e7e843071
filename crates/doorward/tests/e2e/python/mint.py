"""Keys and tokens of other issuers: one JSON request per line, one JSON answer per line."""
import base64
import hashlib
import hmac
import json
import sys

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

keys = {}


def key(name, alg):
    """The private key of this name: made when it is first asked for."""
    if (name, alg) not in keys:
        family = alg[:2]
        if family in ("RS", "PS"):
            made = rsa.generate_private_key(65537, 2048)
        elif family == "ES":
            made = ec.generate_private_key(ec.SECP384R1() if alg == "ES384" else ec.SECP256R1())
        else:
            made = ed25519.Ed25519PrivateKey.generate()
        keys[name, alg] = made
    return keys[name, alg]


def jwk(name, alg):
    public = key(name, alg).public_key()
    family = {"R": RSAAlgorithm, "P": RSAAlgorithm, "E": ECAlgorithm}.get(alg[0])
    family = OKPAlgorithm if alg == "EdDSA" else family
    entry = family.to_jwk(public, as_dict=True)
    entry.pop("key_ops", None)
    return entry | {"kid": f"{name}-{alg}", "use": "sig", "alg": alg}


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def pem(name, alg, private=False):
    made = key(name, alg)
    if private:
        return made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
    return made.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def sign(ask):
    """Signs any text as payload, under any header."""
    alg, name = ask["alg"], ask.get("key", "good")
    header = {"alg": alg, "typ": "at+jwt", "kid": f"{name}-{alg}"} | ask.get("header", {})
    header = {member: value for member, value in header.items() if value is not None}
    if alg == "HS256":
        head = encode(json.dumps(header).encode())
        body = encode(ask["payload"].encode())
        secret = base64.b64decode(ask["secret"])
        mac = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
        return f"{head}.{body}.{encode(mac)}"
    return jwt.api_jws.encode(ask["payload"].encode(), key(name, alg), alg, header)


def answer(ask):
    if ask["do"] == "sign":
        return sign(ask)
    if ask["do"] == "jwk":
        return jwk(ask.get("key", "good"), ask["alg"])
    if ask["do"] == "pem":
        return pem(ask.get("key", "good"), ask["alg"], ask.get("private", False))
    if ask["do"] == "verify":
        entry = jwt.PyJWK(ask["jwk"])
        return jwt.decode(ask["token"], entry, algorithms=[ask["alg"]], audience=ask["audience"])
    raise ValueError(ask["do"])


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
