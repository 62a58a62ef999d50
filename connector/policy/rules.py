"""One section of the policy for each rule that makes cases."""

from __future__ import annotations

from connector.policy.base import Section
from connector.policy.billing import Cancellation, Chargeback, PaymentFailed, PaymentMethod, UnappliedCredit
from connector.policy.discrepancies import DiscrepancyRule
from connector.policy.disputes import Dispute, FraudWarning
from connector.policy.incidents import IncidentRule
from connector.policy.linking import AccountMatch
from connector.policy.payouts import BankDebit, Payout
from connector.policy.refunds import Refund


class Rules(Section):
    """``[rules.<name>]``."""

    payment_failed: PaymentFailed = PaymentFailed()
    payment_method: PaymentMethod = PaymentMethod()
    cancellation: Cancellation = Cancellation()
    refund: Refund = Refund()
    dispute: Dispute = Dispute()
    fraud_warning: FraudWarning = FraudWarning()
    chargeback: Chargeback = Chargeback()
    unapplied_credit: UnappliedCredit = UnappliedCredit()
    payout: Payout = Payout()
    bank_debit: BankDebit = BankDebit()
    incident: IncidentRule = IncidentRule()
    account_match: AccountMatch = AccountMatch()
    discrepancy: DiscrepancyRule = DiscrepancyRule()
