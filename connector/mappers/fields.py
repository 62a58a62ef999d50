"""Every Salesforce object and field Casewire writes, named once.

``salesforce/`` declares the custom ones for deployment; a test holds the two lists together. An amount is a
Number with three decimals beside its currency code: a Currency field of a single-currency org would show yen
with the org's own sign, and cut the third decimal of a Kuwaiti dinar (docs/decisions).
"""

from __future__ import annotations

from typing import Final

KEY: Final = "Billing_Key__c"
"""The external id on every record the connector owns."""

PERSON_KEY: Final = "Billing_Key__pc"
"""The contact's key on a person account, which is account and contact in one."""

ORDER: Final = (
    "Account",
    "Contact",
    "Billing_Subscription__c",
    "Billing_Invoice__c",
    "Billing_Payment__c",
    "Billing_Dispute__c",
    "Billing_Refund__c",
    "Billing_Payout__c",
    "Case",
    "Billing_Event__c",
    "Billing_Discrepancy__c",
)
"""Parents before children: the order in which objects are written."""


class Account:
    """The customer."""

    OBJECT: Final = "Account"
    NAME: Final = "Name"
    CODE: Final = "Billing_Account_Code__c"
    SITE: Final = "Billing_Site__c"
    STATE: Final = "Billing_State__c"
    EMAIL: Final = "Billing_Email__c"
    COMPANY: Final = "Billing_Company__c"
    CURRENCY: Final = "Billing_Currency__c"
    BALANCE: Final = "Billing_Balance__c"
    PAST_DUE: Final = "Billing_Past_Due_Amount__c"
    PAST_DUE_SINCE: Final = "Billing_Past_Due_Since__c"
    PAST_DUE_INVOICES: Final = "Billing_Past_Due_Invoices__c"
    PAST_DUE_TEXT: Final = "Billing_Past_Due_Text__c"
    CREDIT: Final = "Billing_Credit__c"
    PLAN: Final = "Billing_Plan__c"
    MRR: Final = "Billing_MRR__c"
    SUBSCRIPTION_STATE: Final = "Billing_Subscription_State__c"
    NEXT_RENEWAL: Final = "Billing_Next_Renewal__c"
    PAYMENT_METHOD: Final = "Billing_Payment_Method__c"
    PAYMENT_METHOD_VALID: Final = "Billing_Payment_Method_Valid__c"
    CARD_EXPIRES: Final = "Billing_Card_Expires__c"
    DUNNING_STEP: Final = "Billing_Dunning_Step__c"
    DISPUTED: Final = "Billing_Open_Dispute_Amount__c"
    DISPUTED_TEXT: Final = "Billing_Open_Dispute_Text__c"
    LAST_PAYMENT_AT: Final = "Billing_Last_Payment_At__c"
    LAST_PAYMENT: Final = "Billing_Last_Payment_Amount__c"
    CUSTOMER_SINCE: Final = "Billing_Customer_Since__c"
    AS_OF: Final = "Billing_As_Of__c"
    LINK: Final = "Billing_Link__c"
    LINKED_BY: Final = "Billing_Linked_By__c"


class Contact:
    """The billing contact."""

    OBJECT: Final = "Contact"
    ACCOUNT: Final = "AccountId"
    FIRST_NAME: Final = "FirstName"
    LAST_NAME: Final = "LastName"
    EMAIL: Final = "Email"
    PHONE: Final = "Phone"


class Subscription:
    OBJECT: Final = "Billing_Subscription__c"
    NAME: Final = "Name"
    ACCOUNT: Final = "Account__c"
    STATE: Final = "State__c"
    PLAN_CODE: Final = "Plan_Code__c"
    PLAN_NAME: Final = "Plan_Name__c"
    QUANTITY: Final = "Quantity__c"
    UNIT_AMOUNT: Final = "Unit_Amount__c"
    CURRENCY: Final = "Currency_Code__c"
    MRR: Final = "MRR__c"
    AUTO_RENEW: Final = "Auto_Renew__c"
    COLLECTION_METHOD: Final = "Collection_Method__c"
    ACTIVATED_AT: Final = "Activated_At__c"
    TRIAL_ENDS_AT: Final = "Trial_Ends_At__c"
    PERIOD_ENDS_AT: Final = "Current_Period_Ends_At__c"
    CANCELED_AT: Final = "Canceled_At__c"
    EXPIRES_AT: Final = "Expires_At__c"
    EXPIRATION_REASON: Final = "Expiration_Reason__c"
    PAUSED_AT: Final = "Paused_At__c"
    RESUME_AT: Final = "Resume_At__c"
    LINK: Final = "Link__c"


class Invoice:
    OBJECT: Final = "Billing_Invoice__c"
    NAME: Final = "Name"
    ACCOUNT: Final = "Account__c"
    NUMBER: Final = "Number__c"
    TYPE: Final = "Type__c"
    STATE: Final = "State__c"
    ORIGIN: Final = "Origin__c"
    TOTAL: Final = "Total__c"
    PAID: Final = "Paid__c"
    BALANCE: Final = "Balance__c"
    REFUNDABLE: Final = "Refundable__c"
    CURRENCY: Final = "Currency_Code__c"
    COLLECTION_METHOD: Final = "Collection_Method__c"
    DUNNING_STEP: Final = "Dunning_Step__c"
    FINAL_DUNNING: Final = "Final_Dunning_Step__c"
    ISSUED_AT: Final = "Issued_At__c"
    DUE_AT: Final = "Due_At__c"
    CLOSED_AT: Final = "Closed_At__c"
    LINK: Final = "Link__c"


class Payment:
    """Payments and refunds."""

    OBJECT: Final = "Billing_Payment__c"
    NAME: Final = "Name"
    ACCOUNT: Final = "Account__c"
    INVOICE: Final = "Invoice__c"
    TYPE: Final = "Type__c"
    STATUS: Final = "Status__c"
    ORIGIN: Final = "Origin__c"
    AMOUNT: Final = "Amount__c"
    CURRENCY: Final = "Currency_Code__c"
    AT: Final = "At__c"
    DECLINE_CODE: Final = "Decline_Code__c"
    DECLINE_CATEGORY: Final = "Decline_Category__c"
    DECLINE_REASON: Final = "Decline_Reason__c"
    ACTION: Final = "Recommended_Action__c"
    METHOD: Final = "Payment_Method__c"
    GATEWAY: Final = "Gateway__c"
    GATEWAY_REFERENCE: Final = "Gateway_Reference__c"
    GATEWAY_CODE: Final = "Gateway_Code__c"
    ORIGINAL_KEY: Final = "Original_Payment_Key__c"
    LINK: Final = "Link__c"


class Dispute:
    """A dispute as its processor reports it."""

    OBJECT: Final = "Billing_Dispute__c"
    NAME: Final = "Name"
    ACCOUNT: Final = "Account__c"
    PAYMENT: Final = "Payment__c"
    INVOICE: Final = "Invoice__c"
    SOURCE: Final = "Source__c"
    SOURCE_ID: Final = "Source_Id__c"
    STAGE: Final = "Stage__c"
    STATUS: Final = "Status__c"
    REASON: Final = "Reason__c"
    REASON_CATEGORY: Final = "Reason_Category__c"
    REASON_CODE: Final = "Reason_Code__c"
    NETWORK: Final = "Network__c"
    AMOUNT: Final = "Amount__c"
    CURRENCY: Final = "Currency_Code__c"
    OPENED_AT: Final = "Opened_At__c"
    DUE_AT: Final = "Due_At__c"
    AS_OF: Final = "As_Of__c"
    METHOD: Final = "Payment_Method__c"
    REFERENCE: Final = "Gateway_Reference__c"
    JOINED_BY: Final = "Joined_By__c"
    LINK: Final = "Link__c"


class Refund:
    """A refund as its processor reports it; Recurly's record of it is a payment of type refund."""

    OBJECT: Final = "Billing_Refund__c"
    NAME: Final = "Name"
    ACCOUNT: Final = "Account__c"
    PAYMENT: Final = "Payment__c"
    INVOICE: Final = "Invoice__c"
    SOURCE: Final = "Source__c"
    SOURCE_ID: Final = "Source_Id__c"
    STATUS: Final = "Status__c"
    REASON: Final = "Reason__c"
    REASON_CODE: Final = "Reason_Code__c"
    AMOUNT: Final = "Amount__c"
    CURRENCY: Final = "Currency_Code__c"
    OPENED_AT: Final = "Opened_At__c"
    AS_OF: Final = "As_Of__c"
    REFERENCE: Final = "Gateway_Reference__c"
    JOINED_BY: Final = "Joined_By__c"
    LINK: Final = "Link__c"


class Payout:
    """Money a processor sends to a payee, or to the merchant itself."""

    OBJECT: Final = "Billing_Payout__c"
    NAME: Final = "Name"
    SOURCE: Final = "Source__c"
    SOURCE_ID: Final = "Source_Id__c"
    PAYEE: Final = "Payee__c"
    STATUS: Final = "Status__c"
    REASON: Final = "Reason__c"
    REASON_CODE: Final = "Reason_Code__c"
    AMOUNT: Final = "Amount__c"
    CURRENCY: Final = "Currency_Code__c"
    OPENED_AT: Final = "Opened_At__c"
    ARRIVES_ON: Final = "Arrives_On__c"
    AS_OF: Final = "As_Of__c"
    LINK: Final = "Link__c"


class Case:
    """One per problem. Status, OwnerId, Priority and Subject are the agents' once the case exists."""

    OBJECT: Final = "Case"
    ACCOUNT: Final = "AccountId"
    CONTACT: Final = "ContactId"
    PARENT: Final = "ParentId"
    OWNER: Final = "OwnerId"
    RECORD_TYPE: Final = "RecordTypeId"
    SUBJECT: Final = "Subject"
    STATUS: Final = "Status"
    PRIORITY: Final = "Priority"
    ORIGIN: Final = "Origin"
    ACCOUNT_KEY: Final = "Billing_Account_Key__c"
    RULE: Final = "Billing_Rule__c"
    STATE: Final = "Billing_State__c"
    OUTCOME: Final = "Billing_Outcome__c"
    SUMMARY: Final = "Billing_Summary__c"
    REASON: Final = "Billing_Reason__c"
    ACTION: Final = "Billing_Recommended_Action__c"
    DECLINE_CATEGORY: Final = "Billing_Decline_Category__c"
    AMOUNT: Final = "Billing_Amount__c"
    CURRENCY: Final = "Billing_Currency__c"
    AMOUNT_TEXT: Final = "Billing_Amount_Text__c"
    ATTEMPTS: Final = "Billing_Attempts__c"
    DUNNING_STEP: Final = "Billing_Dunning_Step__c"
    DEADLINE: Final = "Billing_Deadline__c"
    OPENED_AT: Final = "Billing_Opened_At__c"
    RESOLVED_AT: Final = "Billing_Resolved_At__c"
    INVOICE: Final = "Billing_Invoice__c"
    SUBSCRIPTION: Final = "Billing_Subscription__c"
    PAYMENT: Final = "Billing_Payment__c"
    DISPUTE: Final = "Billing_Dispute__c"
    REFUND: Final = "Billing_Refund__c"
    PAYOUT: Final = "Billing_Payout__c"
    STAGE: Final = "Billing_Stage__c"
    REASON_CODE: Final = "Billing_Reason_Code__c"
    EVIDENCE: Final = "Billing_Evidence__c"
    ESCALATION: Final = "Billing_Escalation__c"
    REFUND_POLICY: Final = "Billing_Refund_Policy__c"
    GATEWAY: Final = "Billing_Gateway__c"
    AFFECTED: Final = "Billing_Accounts_Affected__c"
    SUCCESS_RATE: Final = "Billing_Success_Rate__c"
    CANDIDATES: Final = "Billing_Candidates__c"
    LINK: Final = "Billing_Link__c"


class Event:
    """The timeline: one row for each event, on the account and, where there is one, the case."""

    OBJECT: Final = "Billing_Event__c"
    NAME: Final = "Name"
    ACCOUNT: Final = "Account__c"
    CASE: Final = "Case__c"
    OCCURRED_AT: Final = "Occurred_At__c"
    KIND: Final = "Kind__c"
    SOURCE: Final = "Source__c"
    WHAT: Final = "What__c"
    ABOUT: Final = "About_Key__c"


class Discrepancy:
    """One way in which billing system, processor and CRM differ about one movement of money. What each side says is
    text, as people read it; ``AMOUNT`` is what it is about, as a number."""

    OBJECT: Final = "Billing_Discrepancy__c"
    NAME: Final = "Name"
    ACCOUNT: Final = "Account__c"
    CASE: Final = "Case__c"
    CLASS: Final = "Class__c"
    MOVEMENT: Final = "Movement__c"
    STATE: Final = "State__c"
    SOURCE: Final = "Source__c"
    REFERENCE: Final = "Reference__c"
    AMOUNT: Final = "Amount__c"
    CURRENCY: Final = "Currency_Code__c"
    MOVED_AT: Final = "Moved_At__c"
    RECURLY_AMOUNT: Final = "Recurly_Amount_Text__c"
    RECURLY_STATUS: Final = "Recurly_Status__c"
    RECURLY_DATE: Final = "Recurly_Date__c"
    PROCESSOR_AMOUNT: Final = "Processor_Amount_Text__c"
    PROCESSOR_STATUS: Final = "Processor_Status__c"
    PROCESSOR_DATE: Final = "Processor_Date__c"
    SALESFORCE_AMOUNT: Final = "Salesforce_Amount_Text__c"
    SALESFORCE_STATUS: Final = "Salesforce_Status__c"
    SALESFORCE_DATE: Final = "Salesforce_Date__c"
    WHY: Final = "Why__c"
    FIRST_SEEN_AT: Final = "First_Seen_At__c"
    CLEARED_AT: Final = "Cleared_At__c"
    LINK: Final = "Link__c"
