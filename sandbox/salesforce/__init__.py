"""A local Salesforce: enough of it, and true enough, that clients written by others work against it unchanged."""

from sandbox.salesforce.app import create_app
from sandbox.salesforce.metadata import default_metadata
from sandbox.salesforce.org import Org

__all__ = ["Org", "create_app", "default_metadata"]
