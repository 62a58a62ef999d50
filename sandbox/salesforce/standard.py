"""The standard objects, as far as the recorded describes show them and they matter, in ``notation``."""

from __future__ import annotations

from functools import cache
from typing import Final

from sandbox.salesforce.notation import SYSTEM, read_field, read_fields
from sandbox.salesforce.schema import Field, ObjectType, label_of
from sandbox.salesforce.set_up_objects import SET_UP_OBJECTS

_ACCOUNT_TYPES: Final = (
    "Prospect|Customer - Direct|Customer - Channel|Channel Partner / Reseller|Installation Partner"
    "|Technology Partner|Other"
)
_INDUSTRIES: Final = (
    "Agriculture|Apparel|Banking|Biotechnology|Chemicals|Communications|Construction|Consulting|Education"
    "|Electronics|Energy|Engineering|Entertainment|Environmental|Finance|Food & Beverage|Government|Healthcare"
    "|Hospitality|Insurance|Machinery|Manufacturing|Media|Not For Profit|Recreation|Retail|Shipping|Technology"
    "|Telecommunications|Transportation|Utilities|Other"
)
_OBJECTS: Final = {
    ("Account", "Accounts", "001"): """
        MasterRecordId    reference     ro -> Account.MasterRecord
        Name              string(255)   ! "Account Name"
        Type              picklist(255) "Account Type" = """
    + _ACCOUNT_TYPES
    + """
        RecordTypeId      reference     open -> RecordType.RecordType
        ParentId          reference     "Parent Account ID" -> Account.Parent/ChildAccounts
        @Billing
        @Shipping
        Phone             phone(40)     "Account Phone"
        Fax               phone(40)     "Account Fax"
        AccountNumber     string(40)
        Website           url(255)
        PhotoUrl          url(255)      ro "Photo URL"
        Sic               string(20)    "SIC Code"
        Industry          picklist(255) = """
    + _INDUSTRIES
    + """
        AnnualRevenue     currency(18,0)
        NumberOfEmployees int(8)        "Employees"
        Ownership         picklist(255) = Public|Private|Subsidiary|Other
        TickerSymbol      string(20)
        Description       textarea(32000) "Account Description"
        Rating            picklist(255) "Account Rating" = Hot|Warm|Cold
        Site              string(80)    "Account Site"
        OwnerId           reference     owner -> User.Owner
        @system
        LastActivityDate  date          ro "Last Activity"
        LastViewedDate    datetime      ro
        LastReferencedDate datetime     ro
        Jigsaw            string(20)    "Data.com Key"
        AccountSource     picklist(255) = Web|Phone Inquiry|Partner Referral|Purchased List|Other
        DunsNumber        string(9)     "D-U-N-S Number"
        Tradestyle        string(255)
        NaicsCode         string(8)     "NAICS Code"
        NaicsDesc         string(120)   "NAICS Description"
        YearStarted       string(4)
        SicDesc           string(80)    "SIC Description"
    """,
    ("Contact", "Contacts", "003"): """
        MasterRecordId    reference     ro -> Contact.MasterRecord
        AccountId         reference     cascade -> Account.Account/Contacts
        LastName          string(80)    !
        FirstName         string(40)    open
        Salutation        picklist(40)  open = Mr.|Ms.|Mrs.|Dr.|Prof.
        Name              string(121)   ! ro "Full Name"
        @Other
        @Mailing
        Phone             phone(40)     "Business Phone"
        Fax               phone(40)     "Business Fax"
        MobilePhone       phone(40)
        HomePhone         phone(40)
        OtherPhone        phone(40)
        AssistantPhone    phone(40)     "Asst. Phone"
        ReportsToId       reference     -> Contact.ReportsTo
        Email             email(80)     key
        Title             string(128)
        Department        string(80)
        AssistantName     string(40)    "Assistant's Name"
        LeadSource        picklist(255) = Web|Phone Inquiry|Partner Referral|Purchased List|Other
        Birthdate         date
        Description       textarea(32000) "Contact Description"
        OwnerId           reference     owner -> User.Owner
        HasOptedOutOfEmail boolean      "Email Opt Out"
        HasOptedOutOfFax  boolean       "Fax Opt Out"
        DoNotCall         boolean
        @system
        LastActivityDate  date          ro "Last Activity"
        LastCURequestDate datetime      ro "Last Stay-in-Touch Request Date"
        LastCUUpdateDate  datetime      ro "Last Stay-in-Touch Save Date"
        LastViewedDate    datetime      ro
        LastReferencedDate datetime     ro
        EmailBouncedReason string(255)  open
        EmailBouncedDate  datetime      open
        IsEmailBounced    boolean       ro
        PhotoUrl          url(255)      ro "Photo URL"
        Jigsaw            string(20)    "Data.com Key"
    """,
    ("Case", "Cases", "500"): """
        CaseNumber        string(30)    ro key auto
        ContactId         reference     restrict -> Contact.Contact/Cases
        AccountId         reference     restrict -> Account.Account/Cases
        ParentId          reference     -> Case.Parent/Cases
        RecordTypeId      reference     open -> RecordType.RecordType
        SuppliedName      string(80)    "Web Name"
        SuppliedEmail     email(80)     "Web Email"
        SuppliedPhone     string(40)    "Web Phone"
        SuppliedCompany   string(80)    "Web Company"
        Type              picklist(255) "Case Type" = Mechanical|Electrical|Other
        Status            picklist(255) open = *New|Working|Escalated|Closed
        Reason            picklist(255) "Case Reason" = Installation|Performance|Other
        Origin            picklist(255) "Case Origin" = Phone|Email|Web
        Subject           string(255)
        Priority          picklist(255) = High|*Medium|Low
        Description       textarea(32000)
        IsClosed          boolean       ro
        ClosedDate        datetime      ro
        IsEscalated       boolean
        OwnerId           reference     owner -> Group,User.Owner
        Comments          textarea(4000) "Internal Comments"
        @system
    """,
    ("CaseComment", "Case Comments", "00a"): """
        ParentId          reference     ! cascade -> Case.Parent/CaseComments
        IsPublished       boolean
        CommentBody       textarea(4000)
        @system
    """,
    **SET_UP_OBJECTS,
}
_ONLY_MULTI_CURRENCY: Final = frozenset({"CurrencyType"})
_READ_ONLY: Final = frozenset(
    {
        "AssignmentRule",
        "BusinessProcess",
        "CaseStatus",
        "CurrencyType",
        "Dashboard",
        "DuplicateRule",
        "FieldPermissions",
        "Folder",
        "ListView",
        "ObjectPermissions",
        "Organization",
        "PermissionSet",
        "Profile",
        "RecordType",
        "Report",
        "User",
    }
)

_CURRENCY: Final = 'CurrencyIsoCode picklist(3) restricted "Currency ISO Code" = *USD|EUR|GBP|JPY|KWD'
_WITH_CURRENCY: Final = frozenset({"User"})
"""Setup objects that have a currency all the same."""

ID_FIELD: Final = Field(
    "Id",
    "id",
    "Record ID",
    18,
    createable=False,
    updateable=False,
    permissionable=False,
    id_lookup=True,
    defaulted=True,
)
OWNER_LINE: Final = "OwnerId reference owner -> Group,User.Owner"


@cache
def standard_objects(multi_currency: bool = False) -> tuple[ObjectType, ...]:
    """The standard objects of an org with one currency or more."""
    return tuple(
        _object(name, plural, prefix, text, multi_currency)
        for (name, plural, prefix), text in _OBJECTS.items()
        if multi_currency or name not in _ONLY_MULTI_CURRENCY
    )


@cache
def system_fields(multi_currency: bool = False) -> tuple[Field, ...]:
    """What every custom object has without being told, apart from its name and owner."""
    return (ID_FIELD, *read_fields((f"{_CURRENCY}\n" if multi_currency else "") + SYSTEM))


def owner_field() -> Field:
    return read_field(OWNER_LINE)


def _object(name: str, plural: str, prefix: str, text: str, multi_currency: bool) -> ObjectType:
    has_currency = multi_currency and ("@system" in text or name in _WITH_CURRENCY)
    fields = read_fields(f"{text}\n{_CURRENCY}" if has_currency else text)
    named = {field.name: field for field in (ID_FIELD, *fields)}
    return ObjectType(name, label_of(name), plural, prefix, named, writable=name not in _READ_ONLY)
