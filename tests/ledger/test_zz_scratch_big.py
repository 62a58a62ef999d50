import time
from sqlalchemy import text
from connector.ledger import backfills, population, runs, subjects
from connector.ledger.population import Which
from connector.events import Urgency
from connector.sync.backfill import report
def test_it(engine):
    with engine.begin() as c:
        run=runs.begin(c,"backfill","x","",{})
        c.execute(text("INSERT INTO subject(key,source,site,code,status,urgency) SELECT 'recurly:acme:account:c'||i,'recurly','acme','c'||i,'idle',20 FROM generate_series(1,150000) i"))
        c.execute(text("INSERT INTO backfill_account SELECT :r,'recurly:acme:account:c'||i FROM generate_series(1,100000) i"),{"r":run})
        c.execute(text("INSERT INTO attempt(subject,trigger,started_at,ended_at,outcome,written,run_id) SELECT 'recurly:acme:account:c'||i,'backfill',now(),now(),'applied',9,:r FROM generate_series(1,100000) i"),{"r":run})
        c.execute(text("INSERT INTO change(attempt_id,object,key,salesforce_id,rule,reason,before,after,outcome) SELECT id,'Billing_Invoice__c',subject||':'||n,'a0x','r','r','{}','{}','written' FROM attempt, generate_series(1,9) n"))
        c.execute(text("INSERT INTO link(subject,state,account_id,how) SELECT subject,'linked',subject,'made by Casewire' FROM attempt"))
    for analyzed in (False, True):
        if analyzed:
            with engine.begin() as c: c.execute(text("ANALYZE"))
        t=time.time(); after=""; n=0
        with engine.connect() as c:
            while s:=population.walk(c,Which(backfill=run),after,700):
                after=s[-1].key; n+=len(s)
            print("walk",n,time.time()-t); t=time.time()
            after="recurly:acme:account:c50000"
            for row in c.execute(text("EXPLAIN ANALYZE SELECT key, source, site, code FROM subject WHERE key > :after AND key IN (SELECT subject FROM backfill_account WHERE run_id = :r) ORDER BY key LIMIT 700"),{"after":after,"r":run}): print(row[0])
            t=time.time()
            print("unsettled",len(backfills.unsettled(c,run,"",700)),time.time()-t); t=time.time()
            print("count",backfills.count(c,run),time.time()-t)
            t=time.time(); print(subjects.backlog(c,2001,least=Urgency.FAILURE), time.time()-t)
        t=time.time(); r=report(engine,run); print("report",r.accounts,r.records,time.time()-t)
