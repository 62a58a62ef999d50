// Logs in twice, then uses every part of the API that programs use; prints JSON of what it got.
import jsforce from "jsforce";

const [url] = process.argv.slice(2);
const version = "60.0";

async function byClientCredentials() {
  const oauth2 = new jsforce.OAuth2({ loginUrl: url, clientId: "sandbox", clientSecret: "sandbox" });
  const token = await oauth2.requestToken({ grant_type: "client_credentials" });
  return new jsforce.Connection({ instanceUrl: token.instance_url, accessToken: token.access_token, version });
}

async function byUserAndPassword(loginVersion) {
  const connection = new jsforce.Connection({ loginUrl: url, version: loginVersion });
  await connection.login("integration.user@casewire.sandbox", "sandbox");
  return connection;
}

async function refused(work) {
  try {
    await work();
    return null;
  } catch (error) {
    return { name: error.name, errorCode: error.errorCode, message: error.message };
  }
}

async function describe(connection) {
  const account = await connection.sobject("Account").describe();
  const all = await connection.describeGlobal();
  return {
    externalIds: account.fields.filter((field) => field.externalId).map((field) => field.name),
    objects: all.sobjects.map((object) => object.name),
  };
}

async function oneByOne(connection) {
  const accounts = connection.sobject("Account");
  const made = await accounts.create({ Name: "Acme", Billing_Key__c: "one" });
  const read = await accounts.retrieve(made.id);
  const changed = await accounts.update({ Id: made.id, Site: "HQ" });
  const upserted = await accounts.upsert({ Billing_Key__c: "one", Name: "Acme Ltd" }, "Billing_Key__c");
  const after = await accounts.retrieve(made.id);
  const now = Date.now();
  const recently = await accounts.updated(new Date(now - 600_000), new Date(now + 120_000));
  const deleted = await accounts.destroy(made.id);
  const bin = await accounts.deleted(new Date(now - 600_000), new Date(now + 120_000));
  return {
    made: made.success,
    read: read.Name,
    changed: changed.success,
    created: upserted.created ?? false,
    after: [after.Name, after.Site],
    updated: recently.ids.includes(made.id),
    deleted: deleted.success,
    binned: bin.deletedRecords.map((record) => record.id).includes(made.id),
    gone: await refused(() => accounts.retrieve(made.id)),
    invalid: await refused(() => accounts.create({})),
  };
}

async function collections(connection) {
  const accounts = Array.from({ length: 200 }, (_, place) => ({
    Billing_Key__c: `account:${place}`,
    Name: `Customer ${place}`,
    Balance__c: place,
  }));
  const made = await connection.sobject("Account").upsert(accounts, "Billing_Key__c");
  const contacts = Array.from({ length: 4 }, (_, place) => ({
    LastName: `Contact ${place}`,
    Account: { attributes: { type: "Account" }, Billing_Key__c: `account:${place % 2}` },
  }));
  const children = await connection.sobject("Contact").create([...contacts, { FirstName: "nobody" }]);
  const again = await connection.sobject("Account").upsert(accounts.slice(0, 2), "Billing_Key__c");
  return {
    made: made.filter((result) => result.success && result.created).length,
    changed: again.filter((result) => result.success && !result.created).length,
    children: children.map((result) => result.success),
    error: children.at(-1).errors[0].statusCode,
  };
}

async function queries(connection) {
  const parents = await connection.query(
    "SELECT LastName, Account.Name, Account.Owner.Name FROM Contact ORDER BY LastName LIMIT 1",
  );
  const sums = await connection.query(
    "SELECT Account.Name owner, COUNT(Id) many FROM Contact GROUP BY Account.Name ORDER BY Account.Name",
  );
  const [total] = (await connection.query("SELECT COUNT(Id) n, SUM(Balance__c) s, MAX(Balance__c) m FROM Account")).records;
  const nested = await connection.query(
    "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account WHERE Billing_Key__c IN ('account:0', 'account:9') ORDER BY Name",
  );
  const scanned = await connection.query("SELECT Name, IsDeleted FROM Account WHERE IsDeleted = true", { scanAll: true });
  return {
    parent: [parents.records[0].Account.Name, parents.records[0].Account.Owner.Name],
    sums: sums.records.map((row) => [row.owner, row.many]),
    total: [total.n, total.s, total.m],
    nested: nested.records.map((row) => (row.Contacts?.records ?? []).map((contact) => contact.LastName)),
    deleted: scanned.records.map((row) => [row.Name, row.IsDeleted]),
    wrong: await refused(() => connection.query("SELECT Nothing FROM Account")),
  };
}

async function bulk(connection) {
  connection.bulk2.pollInterval = 20;
  const rows = Array.from({ length: 3000 }, (_, place) => ({
    Billing_Key__c: `bulk:${place}`,
    Name: place % 1000 === 7 ? "" : `Bulk "${place}", Ltd`,
    Balance__c: place % 1000 === 9 ? "much" : place / 4,
    Site: place === 0 ? null : "HQ",
  }));
  const job = { object: "Account", operation: "upsert", externalIdFieldName: "Billing_Key__c" };
  const loaded = await connection.bulk2.loadAndWaitForResults({ ...job, input: rows });
  const again = await connection.bulk2.loadAndWaitForResults({ ...job, input: rows.slice(0, 2) });
  const wrong = await refused(() =>
    connection.bulk2.loadAndWaitForResults({ ...job, input: [{ Billing_Key__c: "x", Nothing__c: "y" }] }),
  );
  const stream = await connection.bulk2.query(
    "SELECT Billing_Key__c, Name, Balance__c, Owner.Name FROM Account WHERE Billing_Key__c LIKE 'bulk:%' ORDER BY Balance__c",
  );
  const found = await stream.toArray();
  return {
    successful: loaded.successfulResults.length,
    created: loaded.successfulResults.every((row) => row.sf__Created === "true" && row.sf__Id.length === 18),
    failed: loaded.failedResults.map((row) => [row.Billing_Key__c, row.sf__Error]),
    unprocessed: loaded.unprocessedRecords.length,
    again: again.successfulResults.map((row) => row.sf__Created),
    wrong,
    found: found.length,
    first: found[0],
  };
}

const connection = await byClientCredentials();
const soap = await byUserAndPassword("64.0");
const told = {
  username: (await connection.identity()).username,
  soap: (await soap.query("SELECT COUNT() FROM Account")).totalSize,
  tooNew: await refused(() => byUserAndPassword("65.0")),
  describe: await describe(connection),
  rows: await oneByOne(connection),
  collections: await collections(connection),
  queries: await queries(connection),
  bulk: await bulk(connection),
  limits: (await connection.limits()).DailyApiRequests,
  usage: connection.limitInfo.apiUsage,
};
console.log(JSON.stringify(told));
