"""The objects an administrator's set-up is kept in, in ``notation``: users, queues, types, rules, permissions."""

from __future__ import annotations

from typing import Final

SET_UP_OBJECTS: Final = {
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
        Division          string(80)
        Street            textarea(255)
        City              string(40)
        State             string(80)
        PostalCode        string(20)
        Country           string(80)
        Phone             phone(40)
        Fax               phone(40)
        PrimaryContact    string(80)
        DefaultLocaleSidKey picklist(40)
        TimeZoneSidKey    picklist(40)
        LanguageLocaleKey picklist(40)
        FiscalYearStartMonth int
        UsesStartDateAsFiscalYearName boolean
        DefaultAccountAccess picklist(40) ro
        DefaultContactAccess picklist(40) ro
        DefaultCaseAccess picklist(40)  ro
        TrialExpirationDate datetime    ro
        OrganizationType  picklist(40)  ro
        NamespacePrefix   string(15)    ro
        InstanceName      string(5)     ro
        IsSandbox         boolean       ro
        WebToCaseDefaultOrigin string(40)
        IsReadOnly        boolean       ro
        @stamps
    """,
    ("DuplicateRule", "Duplicate Rules", "0Bm"): """
        SobjectType       picklist(40)  !
        DeveloperName     string(80)    !
        Language          picklist(40)
        MasterLabel       string(80)    !
        NamespacePrefix   string(15)    ro
        IsActive          boolean
        SobjectSubtype    picklist(40)
        @stamps
    """,
    ("AssignmentRule", "Assignment Rules", "01Q"): """
        Name              string(120)   !
        SobjectType       picklist(40)  !
        Active            boolean
        @stamps
    """,
    ("PermissionSet", "Permission Sets", "0PS"): """
        Name              string(80)    !
        Label             string(80)    !
        Description       string(255)
        NamespacePrefix   string(15)    ro
        IsCustom          boolean       ro
        IsOwnedByProfile  boolean       ro
        ProfileId         reference     ro -> Profile.Profile
        PermissionsApiEnabled boolean
        PermissionsViewAllData boolean
        PermissionsModifyAllData boolean
        @stamps
    """,
    ("PermissionSetAssignment", "Permission Set Assignments", "0Pa"): """
        PermissionSetId   reference     ! cascade -> PermissionSet.PermissionSet/Assignments
        AssigneeId        reference     ! -> User.Assignee/PermissionSetAssignments
        SystemModstamp    datetime      ro
    """,
    ("ObjectPermissions", "Object Permissions", "110"): """
        ParentId          reference     ! -> PermissionSet.Parent/ObjectPerms
        SobjectType       picklist(40)  !
        PermissionsCreate boolean
        PermissionsRead   boolean
        PermissionsEdit   boolean
        PermissionsDelete boolean
        PermissionsViewAllRecords boolean
        PermissionsModifyAllRecords boolean
        @stamps
    """,
    ("FieldPermissions", "Field Permissions", "01k"): """
        ParentId          reference     ! -> PermissionSet.Parent/FieldPerms
        SobjectType       picklist(40)  !
        Field             picklist(255) !
        PermissionsEdit   boolean
        PermissionsRead   boolean
        SystemModstamp    datetime      ro
    """,
    ("ListView", "List Views", "00B"): """
        Name              string(80)    !
        DeveloperName     string(80)    !
        NamespacePrefix   string(15)    ro
        SobjectType       picklist(40)  !
        IsSoqlCompatible  boolean       ro
        @stamps
    """,
    ("Folder", "Folders", "00l"): """
        Name              string(40)    !
        DeveloperName     string(80)    !
        Type              picklist(40)  !
        NamespacePrefix   string(15)    ro
        @stamps
    """,
    ("Report", "Reports", "00O"): """
        Name              string(40)    !
        DeveloperName     string(80)    !
        Description       string(255)
        FolderName        string(256)   ro
        OwnerId           reference     ro -> Folder.Owner
        Format            picklist(40)  ro
        NamespacePrefix   string(15)    ro
        IsDeleted         boolean       ro
        @stamps
    """,
    ("Dashboard", "Dashboards", "01Z"): """
        Title             string(80)    !
        DeveloperName     string(80)    !
        Description       string(255)
        FolderName        string(256)   ro
        FolderId          reference     ro -> Folder.Folder
        NamespacePrefix   string(15)    ro
        IsDeleted         boolean       ro
        @stamps
    """,
    ("CurrencyType", "Currency Types", "01L"): """
        IsoCode           picklist(3)   !
        ConversionRate    double(18,6)  !
        DecimalPlaces     int(2)        !
        IsActive          boolean
        IsCorporate       boolean
        @stamps
    """,
}
