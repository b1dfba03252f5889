"""The refusals of S3 by their codes, each with the status that S3 gives it."""

from __future__ import annotations

from typing import Final

from traintrack.testing.s3_server.xml_text import DECLARATION, element, text

_REFUSALS: Final[dict[str, tuple[int, str]]] = {
    "AccessDenied": (403, "Access Denied"),
    "BadDigest": (400, "The digest you specified did not match what we received."),
    "BucketAlreadyOwnedByYou": (409, "You already own a bucket of this name."),
    "EntityTooLarge": (400, "Your upload exceeds the maximum allowed size."),
    "EntityTooSmall": (400, "A part other than the last is smaller than 5 MiB."),
    "IncompleteBody": (400, "The body is not as long as its headers say."),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InvalidAccessKeyId": (403, "The access key ID you provided does not exist in our records."),
    "InvalidArgument": (400, "Invalid argument."),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidDigest": (400, "The Content-MD5 you specified is not valid."),
    "InvalidPart": (400, "A part could not be found, or its entity tag is another."),
    "InvalidPartOrder": (400, "The parts are not in ascending order."),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "InvalidRequest": (400, "Invalid request."),
    "InvalidURI": (400, "Couldn't parse the specified URI."),
    "KeyTooLongError": (400, "Your key is too long"),
    "MalformedXML": (400, "The XML you provided was not well-formed or is not as it should be."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchLifecycleConfiguration": (404, "The lifecycle configuration does not exist"),
    "NoSuchUpload": (404, "The specified upload does not exist. It may have been aborted or completed."),
    "NotImplemented": (501, "A header or parameter you provided implies functionality that is not implemented"),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold"),
    "RequestTimeTooSkewed": (403, "The difference between the request time and the current time is too large."),
    "SignatureDoesNotMatch": (403, "The request signature we calculated does not match the one you provided."),
    "XAmzContentSHA256Mismatch": (400, "The provided x-amz-content-sha256 does not match what was computed."),
}


class S3Error(Exception):
    """A request is refused; `code` is one of S3's."""

    def __init__(self, code: str, message: str = "") -> None:
        self.status, standard = _REFUSALS[code]
        self.code = code
        self.message = message or standard
        super().__init__(code, self.message)  # So that it can be sent to another process.

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def error_document(code: str, message: str, resource: str, request_id: str) -> bytes:
    """Return the body of an error answer."""
    words = (("Code", code), ("Message", message), ("Resource", resource), ("RequestId", request_id))
    return (DECLARATION + element("Error", (text(name, word) for name, word in words))).encode()
