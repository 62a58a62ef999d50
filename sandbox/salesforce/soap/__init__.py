"""The SOAP side of an org: the Metadata API."""

from sandbox.salesforce.soap.calls import metadata_blueprint

__all__ = ["metadata_blueprint"]
