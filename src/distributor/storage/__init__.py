"""All SQL: tables, migrations and a module per group of tables. Functions take a connection, return frozen values.

**The order of locks.** Two transactions that wait for each other are a deadlock, and PostgreSQL aborts one of them. So
every transaction locks in this order, and leaves out what it does not need:

1. the generation of the database (`generations.lock`), the advisory locks of ingestion and of campaign names;
2. one campaign (`campaigns.lock`, which locks its dispatches as well), or those of a release by ascending id;
3. dispatches, several by ascending id (`dispatches.lock`), before anything that ends with `dispatches.reopen`, and
   then the advisory lock of the results of posts;
4. one channel (`channels.lock`), or those of a plan (`channels.hold`);
5. articles, by ascending id (`articles.lock`);
6. the audience lock (`audience_lock`);
7. subscribers, by their key (`subscribers.lock_all`), and then what belongs to them;
8. deliveries, and then warm-up days, the quarantine and the builds of documents.

A statement that skips locked rows waits for none, so it may come at any place. A sign-up locks the dispatch of its
confirmation mail after its subscriber: who holds that dispatch waits only for subscribers who are in it already.
"""
