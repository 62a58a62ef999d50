// Logs in with client credentials, upserts 200 accounts in one call, reads them back; prints JSON.
import jsforce from "jsforce";

const [url] = process.argv.slice(2);
const oauth2 = new jsforce.OAuth2({ loginUrl: url, clientId: "sandbox", clientSecret: "sandbox" });
const token = await oauth2.requestToken({ grant_type: "client_credentials" });
const connection = new jsforce.Connection({
  instanceUrl: token.instance_url,
  accessToken: token.access_token,
  version: "60.0",
});

const records = Array.from({ length: 200 }, (_, number) => ({
  Billing_Key__c: `recurly:acme:account:${number}`,
  Name: `Customer ${number}`,
}));
const results = await connection.sobject("Account").upsert(records, "Billing_Key__c");
const found = await connection.query(
  "SELECT Id, Name, Billing_Key__c FROM Account WHERE Billing_Key__c LIKE 'recurly:acme:%' ORDER BY Name",
);
const described = await connection.sobject("Account").describe();
const identity = await connection.identity();

console.log(
  JSON.stringify({
    created: results.filter((result) => result.success && result.created).length,
    rows: found.records.length,
    total: found.totalSize,
    ids: results.map((result) => result.id),
    externalIds: described.fields.filter((field) => field.externalId).map((field) => field.name),
    username: identity.username,
    usage: connection.limitInfo.apiUsage,
  }),
);
