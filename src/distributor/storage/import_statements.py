"""The SQL statements of `import_rows`.

The planner has no statistics of the staged rows and expects few. So the large tables are read by scalar subqueries,
one index lookup per row, where a join would scan a whole table for each chunk; and the small ones are never joined by
nested loops, whose time would grow with the square of their rows.
"""

from __future__ import annotations

from string import Template

from sqlalchemy import TextClause, text

# The values of a subscriber after an import that has GIVEN for them: filled in and added to, nothing is removed.
_FILLED = {
    "name": "COALESCE(NULLIF(GIVEN.name, ''), known.name)",
    "language": "COALESCE(NULLIF(GIVEN.language, ''), known.language)",
    "zone": "COALESCE(NULLIF(GIVEN.zone, ''), known.zone)",
    "attributes": "known.attributes || GIVEN.attributes",
    "tags": "known.tags || ARRAY(SELECT tag FROM unnest(GIVEN.tags) tag WHERE tag <> ALL (known.tags))",
    "status": "CASE GIVEN.status WHEN 'disabled' THEN 'disabled' ELSE known.status END",
}
_IS_CHANGED = " OR ".join(f"known.{column} <> {filled}" for column, filled in _FILLED.items())
_RECORD = """
    INSERT INTO consents (subscriber_id, list_id, action, method, at, text_id, ip_address, detail)
    SELECT id, :list_id, 'ACTION', :method, :now, :text_id, ip_address,
           evidence || jsonb_build_object('import', CAST(:import_id AS bigint), 'line', line)
    FROM fresh ORDER BY id
"""
# In this form PostgreSQL uses a hash table, however many rows there are.
_MARK = """
    UPDATE imported SET effect = CASE WHEN id IN (SELECT subscriber_id FROM written) THEN 'changed' ELSE effect END
    WHERE effect = 'unchanged'
"""
_FOUND = """
    SELECT done.id, i.line, i.state, i.topics, i.unsubscribed_at, i.ip_address, i.evidence,
           (SELECT m.state FROM memberships m WHERE m.list_id = :list_id AND m.subscriber_id = done.id) AS current_state
    FROM importing i JOIN imported done ON done.key = i.key
"""
_PARTS = {
    "filled": ", ".join(f"{column} = {filled}" for column, filled in _FILLED.items()).replace("GIVEN", "excluded"),
    "is_changed": _IS_CHANGED.replace("GIVEN", "excluded"),
    "would_change": _IS_CHANGED.replace("GIVEN", "given"),
    "granted": _RECORD.replace("ACTION", "granted"),
    "requested": _RECORD.replace("ACTION", "requested"),
    "withdrawn": _RECORD.replace("ACTION", "withdrawn"),
    "found": _FOUND,
    "mark": _MARK,
}


def _with_parts(statement: str) -> TextClause:
    return text(Template(statement).substitute(_PARTS))


STAGES = (
    text("SET LOCAL enable_nestloop = off"),
    # In KiB. New words go to the index by larger batches, at three quarters of the cost; searches read one batch more.
    text("SET LOCAL gin_pending_list_limit = 16384"),
    text("""
        CREATE TEMP TABLE IF NOT EXISTS importing (
            line bigint, key text, email text, name text, language text, zone text, attributes jsonb, tags text[],
            status text, state text, topics text[], reasons text[], unsubscribed_at timestamptz,
            ip_address text, evidence jsonb
        )
    """),
    text("CREATE TEMP TABLE IF NOT EXISTS imported (id bigint, key text, effect text)"),
    text("TRUNCATE importing, imported"),
)

KEEP_KEYS = text("""
    WITH kept AS (
        INSERT INTO import_keys (import_id, key, line) SELECT :import_id, key, line FROM importing ORDER BY line
        ON CONFLICT DO NOTHING RETURNING line
    )
    SELECT count(*) FROM kept
""")

# Of those known already, only people whom this import has subscribed may be changed.
KEEP_SUBSCRIBED_BY_IMPORT = text("""
    DELETE FROM importing i WHERE (
        SELECT c.detail ->> 'import' = CAST(:import_id AS text) FROM subscribers s
        JOIN memberships m ON m.subscriber_id = s.id AND m.list_id = :list_id
        JOIN consents c ON c.id = m.consent_id WHERE s.key = i.key
    ) IS NOT TRUE
""")

DROP_REPEATED = text("""
    WITH known AS (
        SELECT line, key, (SELECT k.line FROM import_keys k WHERE k.import_id = :import_id AND k.key = i.key) AS first
        FROM importing i
    )
    DELETE FROM importing i USING known WHERE known.line = i.line AND known.key = i.key AND known.first <> i.line
    RETURNING i.line, i.key, known.first
""")

DROP_ERASED = text("""
    DELETE FROM importing i
    WHERE (SELECT true FROM suppressions e WHERE e.hash = sha256(CAST(i.key AS bytea)) AND e.reason = 'erased')
    RETURNING i.line, i.key
""")

DROP_KNOWN = text("""
    DELETE FROM importing i WHERE (SELECT s.id FROM subscribers s WHERE s.key = i.key) IS NOT NULL
    RETURNING i.line, i.key
""")

# In the order of the keys, as every writer of subscribers does it. The clause behind DO UPDATE locks also those rows
# that it leaves alone. A row that was inserted has no xmax; one that was updated has been locked before.
PUT = _with_parts("""
    WITH put AS (
        INSERT INTO subscribers AS known
            (key, email, name, language, zone, attributes, tags, status, created_at, updated_at)
        SELECT key, email, name, language, zone, attributes, tags, status, :now, :now FROM importing ORDER BY key
        ON CONFLICT (key) DO UPDATE SET
            $filled, updated_at = excluded.updated_at
        WHERE $is_changed
        RETURNING id, key, CASE WHEN xmax = 0 THEN 'new' ELSE 'changed' END AS effect
    )
    INSERT INTO imported (id, key, effect) SELECT id, key, effect FROM put
""")

FIND_UNCHANGED = text("""
    INSERT INTO imported (id, key, effect)
    SELECT (SELECT s.id FROM subscribers s WHERE s.key = i.key), i.key, 'unchanged'
    FROM importing i WHERE i.key NOT IN (SELECT done.key FROM imported done)
""")

SUPPRESS = text("""
    INSERT INTO suppressions (hash, email, reason, note, at)
    SELECT sha256(CAST(key AS bytea)), email, reason, :note, :now FROM importing, unnest(reasons) reason
    ORDER BY 1, 3
    ON CONFLICT DO NOTHING
""")

SUBSCRIBE = _with_parts("""
    WITH fresh AS (
        SELECT * FROM ($found) AS found WHERE state = 'subscribed' AND COALESCE(current_state, 'pending') = 'pending'
    ), granted AS ($granted RETURNING id, subscriber_id
    ), written AS (
        INSERT INTO memberships (list_id, subscriber_id, state, topics, consent_id, state_changed_at)
        SELECT :list_id, g.subscriber_id, 'subscribed', f.topics, g.id, :now
        FROM granted g JOIN fresh f ON f.id = g.subscriber_id ORDER BY g.subscriber_id
        ON CONFLICT (list_id, subscriber_id) DO UPDATE SET
            state = 'subscribed', consent_id = excluded.consent_id, state_changed_at = excluded.state_changed_at
        RETURNING subscriber_id
    )
    $mark
""")

REQUEST = _with_parts("""
    WITH fresh AS (
        SELECT * FROM ($found) AS found WHERE state = 'pending' AND current_state IS NULL
    ), requested AS ($requested RETURNING subscriber_id
    ), written AS (
        INSERT INTO memberships (list_id, subscriber_id, state, topics, state_changed_at)
        SELECT :list_id, id, 'pending', topics, :now FROM fresh ORDER BY id
        RETURNING subscriber_id
    )
    $mark
""")

UNSUBSCRIBE = _with_parts("""
    WITH fresh AS (
        SELECT * FROM ($found) AS found WHERE state = 'unsubscribed' AND current_state IS DISTINCT FROM 'unsubscribed'
          AND ((unsubscribed_at > (
              SELECT m.state_changed_at FROM memberships m WHERE m.list_id = :list_id AND m.subscriber_id = found.id
          )) IS NOT FALSE OR (
              SELECT c.detail ->> 'import' = CAST(:import_id AS text) FROM memberships m
              JOIN consents c ON c.id = m.consent_id WHERE m.list_id = :list_id AND m.subscriber_id = found.id
          ))
    ), withdrawn AS ($withdrawn RETURNING subscriber_id
    ), written AS (
        INSERT INTO memberships (list_id, subscriber_id, state, topics, state_changed_at)
        SELECT :list_id, id, 'unsubscribed', topics, :now FROM fresh ORDER BY id
        ON CONFLICT (list_id, subscriber_id) DO UPDATE SET
            state = 'unsubscribed', consent_id = NULL, state_changed_at = excluded.state_changed_at
        RETURNING subscriber_id
    )
    $mark
""")

COUNT = text("""
    SELECT count(*) FILTER (WHERE effect = 'new') AS new, count(*) FILTER (WHERE effect = 'changed') AS changed,
           count(*) FILTER (WHERE effect = 'unchanged') AS unchanged
    FROM imported
""")

DRY_RUN = _with_parts("""
    SELECT count(*) FILTER (WHERE is_new) AS new, count(*) FILTER (WHERE NOT is_new AND is_changed) AS changed,
           count(*) FILTER (WHERE NOT is_new AND NOT is_changed) AS unchanged
    FROM (
        SELECT known.id IS NULL AS is_new, COALESCE($would_change, false) OR CASE given.state
            WHEN 'subscribed' THEN COALESCE(membership.state, 'pending') = 'pending'
            WHEN 'pending' THEN membership.state IS NULL
            ELSE membership.state IS DISTINCT FROM 'unsubscribed'
                 AND (given.unsubscribed_at > membership.state_changed_at) IS NOT FALSE
            END AS is_changed
        FROM importing given
        LEFT JOIN LATERAL (SELECT s.* FROM subscribers s WHERE s.key = given.key LIMIT 1) known ON true
        LEFT JOIN LATERAL (
            SELECT m.state, m.state_changed_at FROM memberships m
            WHERE m.list_id = :list_id AND m.subscriber_id = known.id LIMIT 1
        ) membership ON true
    ) AS compared
""")
