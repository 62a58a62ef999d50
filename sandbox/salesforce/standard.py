"""The standard objects, as far as the recorded describes show them and they matter.

One line for each field: name, type, then flags: ``!`` required, ``ro`` not writable, ``key`` usable in an upsert,
``restricted`` picklist, ``cascade`` and ``restrict`` on delete. ``-> Object.Relationship[/Children]`` is a lookup,
``= a|*b|c`` are picklist values with the default starred, and text in quotes is a label unlike the name.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from sandbox.salesforce.schema import Field, ObjectType, label_of

_PERSON: Final = {
    "Account": """
        IsPersonAccount   boolean       ro
        LastName          string(80)
        FirstName         string(40)
        PersonEmail       email(80)     key
        PersonContactId   reference     ro -> Contact.PersonContact
    """
}

_ADDRESS: Final = """
    {0}Street textarea(255)
    {0}City string(40)
    {0}State string(80)
    {0}PostalCode string(20)
    {0}Country string(80)
"""

_OBJECTS: Final = {
    ("Account", "Accounts", "001"): """
        Name              string(255)   ! "Account Name"
        Type              picklist(40)  = Prospect|Customer - Direct|Customer - Channel|Other
        RecordTypeId      reference     -> RecordType.RecordType
        ParentId          reference     -> Account.Parent/ChildAccounts
        @Billing
        @Shipping
        Phone             phone(40)
        Fax               phone(40)
        AccountNumber     string(40)
        Website           url(255)
        Industry          picklist(40)  = Banking|Education|Media|Technology|Other
        AnnualRevenue     currency(18,0)
        NumberOfEmployees int
        Ownership         picklist(40)  = Public|Private|Subsidiary|Other
        Description       textarea(32000)
        Rating            picklist(40)  = Hot|Warm|Cold
        Site              string(80)
        AccountSource     picklist(40)  = Web|Phone Inquiry|Partner Referral|Purchased List|Other
        OwnerId           reference     owner -> User.Owner
        @system
    """,
    ("Contact", "Contacts", "003"): """
        AccountId         reference     cascade -> Account.Account/Contacts
        LastName          string(80)    !
        FirstName         string(40)
        Salutation        picklist(40)  = Mr.|Ms.|Mrs.|Dr.|Prof.
        Name              string(121)   ! ro "Full Name"
        @Mailing
        @Other
        Phone             phone(40)     "Business Phone"
        MobilePhone       phone(40)
        HomePhone         phone(40)
        ReportsToId       reference     -> Contact.ReportsTo
        Email             email(80)     key
        Title             string(128)
        Department        string(80)
        LeadSource        picklist(255) = Web|Phone Inquiry|Partner Referral|Purchased List|Other
        Birthdate         date
        Description       textarea(32000)
        OwnerId           reference     owner -> User.Owner
        @system
    """,
    ("Case", "Cases", "500"): """
        CaseNumber        string(30)    ro key auto
        ContactId         reference     -> Contact.Contact/Cases
        AccountId         reference     restrict -> Account.Account/Cases
        ParentId          reference     -> Case.Parent/Cases
        RecordTypeId      reference     -> RecordType.RecordType
        SuppliedName      string(80)    "Web Name"
        SuppliedEmail     email(80)     "Web Email"
        SuppliedPhone     string(40)    "Web Phone"
        SuppliedCompany   string(80)    "Web Company"
        Type              picklist(255) "Case Type" = Mechanical|Electrical|Other
        Status            picklist(255) = *New|Working|Escalated|Closed
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
    ("User", "Users", "005"): """
        Username          string(80)    ! key
        LastName          string(80)    !
        FirstName         string(40)
        Name              string(121)   ! ro "Full Name"
        Email             email(128)    !
        Alias             string(8)     !
        IsActive          boolean
        UserType          picklist(40)  ro
        ProfileId         reference     -> Profile.Profile
        TimeZoneSidKey    picklist(40)
        LocaleSidKey      picklist(40)
        LanguageLocaleKey picklist(40)
        @stamps
    """,
    ("Profile", "Profiles", "00e"): """
        Name              string(255)   !
        UserType          picklist(40)  ro
        @stamps
    """,
    ("Group", "Groups", "00G"): """
        Name              string(40)    !
        DeveloperName     string(80)
        RelatedId         reference     ro -> User.Related
        Type              picklist(40)  = Regular|Queue
        Email             email(255)
        OwnerId           reference     ro -> User.Owner
        @stamps
    """,
    ("GroupMember", "Group Members", "011"): """
        GroupId           reference     ! -> Group.Group/GroupMembers
        UserOrGroupId     reference     ! -> Group,User
        SystemModstamp    datetime      ro
    """,
    ("QueueSobject", "Queue Sobjects", "03g"): """
        QueueId           reference     ! -> Group.Queue/QueueSobjects
        SobjectType       picklist(40)  !
        CreatedById       reference     ro -> User.CreatedBy
        SystemModstamp    datetime      ro
    """,
    ("RecordType", "Record Types", "012"): """
        Name              string(80)    !
        DeveloperName     string(80)    !
        NamespacePrefix   string(15)    ro
        Description       string(255)
        BusinessProcessId reference     -> BusinessProcess.BusinessProcess
        SobjectType       picklist(40)  !
        IsActive          boolean
        IsPersonType      boolean       ro
        @stamps
    """,
    ("BusinessProcess", "Business Processes", "019"): """
        Name              string(80)    !
        TableEnumOrId     picklist(40)  !
        IsActive          boolean
        @stamps
    """,
    ("CaseStatus", "Case Status Value", "01J"): """
        MasterLabel       string(255)
        ApiName           string(255)
        SortOrder         int
        IsDefault         boolean
        IsClosed          boolean
        @stamps
    """,
    ("Organization", "Organizations", "00D"): """
        Name              string(80)    !
        Country           string(80)
        Phone             phone(40)
        PrimaryContact    string(80)
        DefaultLocaleSidKey picklist(40)
        TimeZoneSidKey    picklist(40)
        LanguageLocaleKey picklist(40)
        FiscalYearStartMonth int
        OrganizationType  picklist(40)  ro
        NamespacePrefix   string(15)    ro
        InstanceName      string(5)     ro
        IsSandbox         boolean       ro
        TrialExpirationDate datetime    ro
        @stamps
    """,
}
_READ_ONLY: Final = frozenset(
    {"User", "Profile", "RecordType", "BusinessProcess", "CaseStatus", "Organization"}
)

_STAMPS: Final = """
    CreatedDate      datetime  ro defaulted
    CreatedById      reference ro defaulted -> User.CreatedBy
    LastModifiedDate datetime  ro defaulted
    LastModifiedById reference ro defaulted -> User.LastModifiedBy
    SystemModstamp   datetime  ro defaulted
"""
_SYSTEM: Final = 'IsDeleted boolean ro "Deleted"\n' + _STAMPS
_CURRENCY: Final = 'CurrencyIsoCode picklist(3) restricted "Currency ISO Code" = *USD|EUR|GBP|JPY|KWD\n'

_LINE = re.compile(
    r"(?P<name>\w+)\s+(?P<type>\w+)(?:\((?P<size>[\d,]+)\))?(?P<flags>(?:\s+[!\w]+)*)"
    r"(?:\s+\"(?P<label>[^\"]*)\")?(?:\s+->\s*(?P<to>[\w,]+)(?:\.(?P<rel>\w+))?(?:/(?P<kids>\w+))?)?"
    r"(?:\s+=\s*(?P<values>.*))?$"
)


@cache
def standard_objects(person_accounts: bool = False, multi_currency: bool = False) -> tuple[ObjectType, ...]:
    """The standard objects of an org with or without person accounts and more than one currency."""
    return tuple(
        _object(name, plural, prefix, _lines(name, text, person_accounts, multi_currency))
        for (name, plural, prefix), text in _OBJECTS.items()
    )


@cache
def system_fields(multi_currency: bool = False) -> tuple[Field, ...]:
    """What every custom object has without being told, apart from its name and owner."""
    return (ID_FIELD, *(_field(line) for line in _expand((_CURRENCY if multi_currency else "") + _SYSTEM)))


ID_FIELD: Final = Field(
    "Id", "id", "Record ID", 18, createable=False, updateable=False, id_lookup=True, defaulted=True
)
OWNER_LINE: Final = "OwnerId reference owner -> Group,User.Owner"


def owner_field() -> Field:
    return _field(OWNER_LINE)


def _lines(name: str, text: str, person_accounts: bool, multi_currency: bool) -> str:
    more = _PERSON.get(name, "") if person_accounts else ""
    if multi_currency and "@system" in text:
        more += _CURRENCY
    return text + more


def _object(name: str, plural: str, prefix: str, text: str) -> ObjectType:
    fields = [ID_FIELD, *(_field(line) for line in _expand(text))]
    named = {field.name: field for field in fields}
    return ObjectType(name, label_of(name), plural, prefix, named, writable=name not in _READ_ONLY)


def _expand(text: str) -> list[str]:
    text = text.replace("@system", _SYSTEM).replace("@stamps", _STAMPS)
    text = re.sub(r"@(\w+)", lambda found: _ADDRESS.format(found[1]), text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def _field(line: str) -> Field:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"not a field description: {line!r}")
    flags = set(found["flags"].split())
    owner, read_only = "owner" in flags, "ro" in flags
    boolean = found["type"] == "boolean"
    starred = found["values"].split("|") if found["values"] else []
    values = [value.removeprefix("*") for value in starred]
    return Field(
        name=found["name"],
        type=found["type"],
        label=found["label"] or label_of(found["name"]),
        length=_length(found["type"], found["size"]),
        precision=_digits(found["size"])[0],
        scale=_digits(found["size"])[1],
        values=tuple((value, value) for value in values),
        default=next((value[1:] for value in starred if value.startswith("*")), None),
        required="!" in flags,
        createable=not read_only,
        updateable=not read_only,
        defaulted=owner or boolean or "defaulted" in flags or "auto" in flags,
        id_lookup="key" in flags,
        cascade="cascade" in flags,
        restrict="restrict" in flags,
        restricted="restricted" in flags,
        reference_to=tuple(found["to"].split(",")) if found["to"] else (),
        relationship=found["rel"],
        children=found["kids"],
        auto_number="{00000000}" if "auto" in flags else None,
        name_field=found["name"] in ("Name", "CaseNumber"),
    )


def _length(kind: str, size: str | None) -> int:
    if size is None:
        return 18 if kind == "reference" else 0
    return 0 if "," in size else int(size)


def _digits(size: str | None) -> tuple[int, int]:
    """Precision and scale of ``(18,2)``."""
    precision, _, scale = (size or "").partition(",")
    return (int(precision), int(scale)) if scale else (0, 0)
