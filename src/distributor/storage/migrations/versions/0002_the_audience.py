"""The audience: consent, topics, suppression, segments and API tokens; campaigns to any combination of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

_NOW = sa.text("now()")
_EMPTY_OBJECT = sa.text("'{}'::jsonb")
_EMPTY_ARRAY = sa.text("'{}'::text[]")
_WORDS = (
    "to_tsvector('simple'::regconfig, name || ' ' || translate(key, '@.+-_', '     ')) || "
    "jsonb_to_tsvector('simple'::regconfig, attributes, '[\"string\"]'::jsonb)"
)
# What stands for the wording that nobody kept.
_BEFORE = "Subscribed before consent was recorded here; the wording is not known."


def upgrade() -> None:
    _extend_lists()
    _extend_subscribers()
    _add_consent()
    _extend_memberships()
    _add_suppression()
    _add_segments()
    _add_imports()
    _add_tokens()
    _widen_campaigns()
    _point_events_at_people()


def _extend_lists() -> None:
    for column in (
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("visibility", sa.Text(), server_default="private", nullable=False),
        sa.Column("opt_in", sa.Text(), server_default="double", nullable=False),
        sa.Column("sender", sa.Text(), server_default="", nullable=False),
        sa.Column("footer", sa.Text(), server_default="", nullable=False),
        sa.Column("topics", postgresql.ARRAY(sa.Text()), server_default=_EMPTY_ARRAY, nullable=False),
    ):
        op.add_column("lists", column)


def _extend_subscribers() -> None:
    for column in (
        sa.Column("zone", sa.Text(), server_default="", nullable=False),
        sa.Column("attributes", postgresql.JSONB(), server_default=_EMPTY_OBJECT, nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default=_EMPTY_ARRAY, nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
    ):
        op.add_column("subscribers", column)
    for computed in (
        sa.Column("domain", sa.Text(), sa.Computed("split_part(key, '@', 2)", persisted=True), nullable=False),
        sa.Column("hash", sa.LargeBinary(), sa.Computed("sha256(CAST(key AS bytea))", persisted=True), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), sa.Computed(_WORDS, persisted=True), nullable=False),
    ):
        op.add_column("subscribers", computed)
    op.create_check_constraint(
        op.f("subscribers_key_check"), "subscribers", r"key LIKE '_%@_%' AND strpos(key, '\') = 0"
    )
    op.create_index("subscribers_key_prefix_idx", "subscribers", ["key"], postgresql_ops={"key": "text_pattern_ops"})
    op.create_index("subscribers_words_idx", "subscribers", ["words"], postgresql_using="gin")
    op.create_index("subscribers_tags_idx", "subscribers", ["tags"], postgresql_using="gin")
    op.create_index(
        "subscribers_attributes_idx",
        "subscribers",
        ["attributes"],
        postgresql_using="gin",
        postgresql_ops={"attributes": "jsonb_path_ops"},
    )


def _add_consent() -> None:
    op.create_table(
        "consent_texts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("consent_texts_pkey")),
        sa.UniqueConstraint("hash", name=op.f("consent_texts_hash_key")),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger(), nullable=False),
        sa.Column("list_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text_id", sa.BigInteger(), nullable=True),
        sa.Column("network", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", postgresql.JSONB(), server_default=_EMPTY_OBJECT, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("consents_subscriber_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("consents_pkey")),
    )
    op.create_index(op.f("consents_subscriber_id_idx"), "consents", ["subscriber_id"])
    op.execute("""
        CREATE FUNCTION consents_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' AND current_setting('distributor.erasing', true) = 'on' THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'consents are append-only';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER consents_append_only BEFORE UPDATE OR DELETE ON consents
        FOR EACH ROW EXECUTE FUNCTION consents_are_append_only()
    """)


def _extend_memberships() -> None:
    op.drop_constraint(op.f("memberships_list_id_fkey"), "memberships", type_="foreignkey")
    op.drop_index("memberships_subscriber_id_idx", table_name="memberships")
    op.create_index(
        "memberships_subscriber_id_idx",
        "memberships",
        ["subscriber_id", "list_id"],
        postgresql_include=["state", "changed_at"],
    )
    op.add_column("memberships", sa.Column("topics", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column("memberships", sa.Column("frequency", sa.Text(), server_default="every_article", nullable=False))
    op.add_column("memberships", sa.Column("consent_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("memberships_consent_id_fkey"), "memberships", "consents", ["consent_id"], ["id"])
    op.get_bind().execute(
        sa.text("""
            WITH wording AS (
                INSERT INTO consent_texts (hash, text)
                SELECT sha256(CAST(:text AS bytea)), :text WHERE EXISTS (SELECT 1 FROM memberships)
                RETURNING id
            ), granted AS (
                INSERT INTO consents (subscriber_id, list_id, action, method, at, text_id)
                SELECT subscriber_id, list_id, 'granted', 'migration', changed_at, wording.id
                FROM memberships, wording WHERE state = 'subscribed'
                RETURNING id, subscriber_id, list_id
            )
            UPDATE memberships m SET consent_id = g.id FROM granted g
            WHERE m.list_id = g.list_id AND m.subscriber_id = g.subscriber_id
        """),
        {"text": _BEFORE},
    )
    op.create_check_constraint(
        op.f("memberships_consent_check"), "memberships", "state <> 'subscribed' OR consent_id IS NOT NULL"
    )


def _add_suppression() -> None:
    op.create_table(
        "suppressions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=True),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("suppressions_pkey")),
        sa.UniqueConstraint("hash", "reason", name=op.f("suppressions_hash_reason_key")),
        sa.UniqueConstraint("domain", "reason", name=op.f("suppressions_domain_reason_key")),
        sa.CheckConstraint("num_nonnulls(hash, domain) = 1", name=op.f("suppressions_target_check")),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("erasures_pkey")),
    )


def _add_segments() -> None:
    op.create_table(
        "segments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("condition", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("segments_pkey")),
        sa.UniqueConstraint("slug", name=op.f("segments_slug_key")),
    )


def _add_imports() -> None:
    counts = ("position", "line", "bad_size", "new", "changed", "unchanged", "skipped", "bad")
    op.create_table(
        "imports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("list_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("plan", postgresql.JSONB(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in counts),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name=op.f("imports_list_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("imports_pkey")),
    )
    op.create_index(
        "imports_open_idx", "imports", ["touched_at"], postgresql_where=sa.text("state IN ('waiting','running')")
    )
    op.create_table(
        "import_keys",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "key", name=op.f("import_keys_pkey")),
    )


def _add_tokens() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("api_tokens_pkey")),
        sa.UniqueConstraint("hash", name=op.f("api_tokens_hash_key")),
    )


def _widen_campaigns() -> None:
    op.add_column("campaigns", sa.Column("purpose", sa.Text(), server_default="articles", nullable=False))
    op.add_column("campaigns", sa.Column("key", sa.Text(), nullable=True))
    op.add_column("campaigns", sa.Column("audience", postgresql.JSONB(), server_default=_EMPTY_OBJECT, nullable=False))
    op.create_unique_constraint(op.f("campaigns_key_key"), "campaigns", ["key"])
    op.add_column("deliveries", sa.Column("list_id", sa.BigInteger(), nullable=True))
    op.drop_constraint(op.f("deliveries_subscriber_id_fkey"), "deliveries", type_="foreignkey")
    op.execute("""
        UPDATE campaigns c SET audience = jsonb_build_object('lists', jsonb_build_array(l.slug))
        FROM lists l WHERE l.id = c.list_id
    """)
    op.execute("""
        UPDATE deliveries d SET list_id = c.list_id FROM dispatches x JOIN campaigns c ON c.id = x.campaign_id
        WHERE x.id = d.dispatch_id AND d.subscriber_id IS NOT NULL
    """)
    op.drop_constraint(op.f("campaigns_list_id_fkey"), "campaigns", type_="foreignkey")
    op.drop_column("campaigns", "list_id")


def _point_events_at_people() -> None:
    op.add_column("events", sa.Column("subscriber_id", sa.BigInteger(), nullable=True))
    op.execute("UPDATE events e SET subscriber_id = d.subscriber_id FROM deliveries d WHERE d.id = e.delivery_id")
    op.create_index("events_kind_at_idx", "events", ["kind", "at"], postgresql_include=["subscriber_id"])
    op.create_index(
        "events_subscriber_id_idx",
        "events",
        ["subscriber_id", "kind", "at"],
        postgresql_include=["delivery_id"],
        postgresql_where=sa.text("subscriber_id IS NOT NULL"),
    )
    op.drop_index("deliveries_subscriber_id_idx", table_name="deliveries")
    op.create_index(
        "deliveries_subscriber_id_idx",
        "deliveries",
        ["subscriber_id", "id"],
        postgresql_include=["dispatch_id", "state"],
        postgresql_where=sa.text("subscriber_id IS NOT NULL"),
    )
