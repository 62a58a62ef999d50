"""What the agents' page shows, read from the org's rows. An org without the billing fields shows less."""

from sandbox.salesforce.view.account import account_page
from sandbox.salesforce.view.case import case_page
from sandbox.salesforce.view.home import overview
from sandbox.salesforce.view.payee import payee_page
from sandbox.salesforce.view.record import record_page

__all__ = ["account_page", "case_page", "overview", "payee_page", "record_page"]
