"""The tables. Migrations are written by hand; a test keeps both equal."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

_NOW = text("now()")
_EMPTY_OBJECT = text("'{}'::jsonb")
_EMPTY_LIST = text("'[]'::jsonb")
# Of tables whose rows change soon after they are added, and that have millions of them: dead ones of a fiftieth are
# enough to look after, where PostgreSQL waits for a fifth.
_VACUUMED_EARLIER = {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_analyze_scale_factor": "0.02"}
_EMPTY_ARRAY = text("'{}'::text[]")
# The words of the name, the address and the attributes, for the search for subscribers.
_SEARCH_VECTOR = (
    "to_tsvector('simple'::regconfig, name || ' ' || translate(key, '@.+-_', '     ')) || "
    "jsonb_to_tsvector('simple'::regconfig, attributes, '[\"string\"]'::jsonb)"
)


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _timestamp(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False)


articles = Table(
    "articles",
    metadata,
    _id(),
    Column("guid", Text, nullable=False, unique=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("source_ref", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", Text, nullable=False),
    # From when a published article is public.
    Column("publish_at", DateTime(timezone=True)),
    # The first publication.
    Column("published_at", DateTime(timezone=True)),
    Column("withdrawn_at", DateTime(timezone=True)),
    # Since when its source does not have it any more.
    Column("missing_since", DateTime(timezone=True)),
    # The content hash of the version that was taken from its source last, also if it was edited here afterwards.
    Column("source_hash", Text),
    # A newer version of its source that was not taken, because the article was edited here.
    Column("held_update", JSONB),
    _timestamp("updated_at"),
    UniqueConstraint("source", "source_ref"),
    Index(
        "articles_public_idx", text("published_at DESC"), text("id DESC"), postgresql_where=text("state = 'published'")
    ),
    Index("articles_changed_idx", text("updated_at DESC"), text("id DESC")),
)

sources = Table(
    "sources",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("settings", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    # Encrypted, like those of channels.
    Column("secrets", LargeBinary),
    Column("state", Text, nullable=False, server_default="active"),
    Column("publishing", Text, nullable=False, server_default="nothing"),
    Column("interval_seconds", Integer, nullable=False),
    # One run at a time asks a host.
    Column("host", Text, nullable=False, server_default=""),
    # What the kind remembers from run to run.
    Column("cursor", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    _timestamp("next_run_at"),
    # Until then a run has it.
    Column("leased_until", DateTime(timezone=True)),
    Column("first_run_at", DateTime(timezone=True)),
    Column("last_run_at", DateTime(timezone=True)),
    Column("last_success_at", DateTime(timezone=True)),
    Column("last_result", JSONB),
    Column("failing_since", DateTime(timezone=True)),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("error", Text, nullable=False, server_default=""),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Index("sources_due_idx", "next_run_at", postgresql_where=text("state = 'active'")),
)

article_revisions = Table(
    "article_revisions",
    metadata,
    Column("article_id", ForeignKey("articles.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("content", JSONB, nullable=False),
    # Beside the content, which is large and stored elsewhere: lists and searches read only this.
    Column("title", Text, Computed("content ->> 'title'", persisted=True)),
    # Its body in Markdown as it was written in the app; null for one from a file.
    Column("source_text", Text),
    # Whether it was public before it was replaced or withdrawn: sent mails and feeds still show its images.
    Column("was_public", Boolean, nullable=False, server_default=text("false")),
    _timestamp("created_at"),
    PrimaryKeyConstraint("article_id", "number"),
)

# The images that each revision shows.
article_media = Table(
    "article_media",
    metadata,
    Column("article_id", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", Text, nullable=False),
    ForeignKeyConstraint(
        ["article_id", "number"], ["article_revisions.article_id", "article_revisions.number"], ondelete="CASCADE"
    ),
    PrimaryKeyConstraint("name", "article_id", "number"),
)

# Who changed an article, what and when: a row for each revision and for each change of its state.
article_history = Table(
    "article_history",
    metadata,
    _id(),
    Column("article_id", ForeignKey("articles.id", ondelete="CASCADE"), nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("revision", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("publish_at", DateTime(timezone=True)),
    _timestamp("created_at"),
    Index(None, "article_id"),
)

tags = Table(
    "tags",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("label", Text, nullable=False),
    # Empty: the one that follows from the label.
    Column("hashtag", Text, nullable=False, server_default=""),
    # The tag that this one is a part of: its page and feeds have the articles of this one too.
    Column("parent", ForeignKey("tags.slug")),
    Index(None, "parent"),
)

# Which labels mean which tag: its own and its synonyms, by their keys.
tag_names = Table(
    "tag_names",
    metadata,
    Column("key", Text, primary_key=True),
    Column("tag_slug", ForeignKey("tags.slug"), nullable=False),
    Column("label", Text, nullable=False),
    Index(None, "tag_slug"),
)

# The slugs that tags had before they were renamed or merged, each with the tag that it leads to now.
tag_aliases = Table(
    "tag_aliases",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("tag_slug", ForeignKey("tags.slug"), nullable=False),
    Index(None, "tag_slug"),
)

article_tags = Table(
    "article_tags",
    metadata,
    Column("article_id", ForeignKey("articles.id", ondelete="CASCADE"), nullable=False),
    Column("tag_slug", ForeignKey("tags.slug"), nullable=False),
    Column("position", Integer, nullable=False),
    PrimaryKeyConstraint("article_id", "tag_slug"),
    Index(None, "tag_slug"),
)

media = Table(
    "media",
    metadata,
    Column("name", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# Which image of `media` was fetched from which address of the web.
remote_images = Table(
    "remote_images",
    metadata,
    Column("url", Text, primary_key=True),
    Column("name", ForeignKey("media.name"), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    _timestamp("fetched_at"),
)

lists = Table(
    "lists",
    metadata,
    _id(),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("visibility", Text, nullable=False, server_default="private"),
    Column("opt_in", Text, nullable=False, server_default="double"),
    # Sender and footer of its mails, where they differ from those of the site.
    Column("sender", Text, nullable=False, server_default=""),
    Column("footer", Text, nullable=False, server_default=""),
    # The slugs of the tags that its subscribers are offered as topics, in the order shown.
    Column("topics", ARRAY(Text), nullable=False, server_default=_EMPTY_ARRAY),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
)

subscribers = Table(
    "subscribers",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("language", Text, nullable=False, server_default=""),
    Column("zone", Text, nullable=False, server_default=""),
    Column("attributes", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    Column("tags", ARRAY(Text), nullable=False, server_default=_EMPTY_ARRAY),
    Column("status", Text, nullable=False, server_default="active"),
    Column("paused_until", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("domain", Text, Computed("split_part(key, '@', 2)", persisted=True), nullable=False),
    # By which suppressions identify a mailbox. A key contains no backslash, so the cast gives its bytes unchanged.
    Column("hash", LargeBinary, Computed("sha256(CAST(key AS bytea))", persisted=True), nullable=False),
    Column("search_vector", TSVECTOR, Computed(_SEARCH_VECTOR, persisted=True), nullable=False),
    CheckConstraint(r"key LIKE '_%@_%' AND strpos(key, '\') = 0", name="subscribers_key_check"),
    Index("subscribers_key_prefix_idx", "key", postgresql_ops={"key": "text_pattern_ops"}),
    Index("subscribers_search_vector_idx", "search_vector", postgresql_using="gin"),
    Index("subscribers_tags_idx", "tags", postgresql_using="gin"),
    Index(
        "subscribers_attributes_idx",
        "attributes",
        postgresql_using="gin",
        postgresql_ops={"attributes": "jsonb_path_ops"},
    ),
)

# The texts that subscribers agreed to, each stored once.
consent_texts = Table(
    "consent_texts",
    metadata,
    _id(),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("text", Text, nullable=False),
)

# Append-only: a trigger refuses every change but the erasure of a subscriber.
consents = Table(
    "consents",
    metadata,
    _id(),
    Column("subscriber_id", ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False),
    # Lists and texts without foreign keys: an import would check the same two rows for each of a million subscribers.
    # A writer locks the list (storage.lists.lock), and texts are never deleted.
    Column("list_id", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("method", Text, nullable=False),
    _timestamp("at"),
    Column("text_id", BigInteger),
    # The IP address that it came from.
    Column("ip_address", Text, nullable=False, server_default=""),
    Column("detail", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    Index(None, "subscriber_id"),
)

memberships = Table(
    "memberships",
    metadata,
    # Without a foreign key, as in consents.
    Column("list_id", BigInteger, nullable=False),
    Column("subscriber_id", ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False),
    Column("state", Text, nullable=False),
    # The slugs of the topics chosen; NULL means every article.
    Column("topics", ARRAY(Text)),
    # The consent that makes it valid to send mail.
    Column("consent_id", ForeignKey("consents.id")),
    _timestamp("state_changed_at"),
    PrimaryKeyConstraint("list_id", "subscriber_id"),
    CheckConstraint("state <> 'subscribed' OR consent_id IS NOT NULL", name="memberships_consent_check"),
    # Covers what segments read of a membership.
    Index(
        "memberships_subscriber_id_idx", "subscriber_id", "list_id", postgresql_include=["state", "state_changed_at"]
    ),
)

suppressions = Table(
    "suppressions",
    metadata,
    _id(),
    # SHA-256 of the key of an address, or a domain: one of the two.
    Column("hash", LargeBinary),
    Column("domain", Text),
    # The address itself, where it is known and may be kept.
    Column("email", Text),
    Column("reason", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    _timestamp("at"),
    UniqueConstraint("hash", "reason"),
    UniqueConstraint("domain", "reason"),
    CheckConstraint("num_nonnulls(hash, domain) = 1", name="suppressions_target_check"),
)

segments = Table(
    "segments",
    metadata,
    _id(),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("condition", JSONB, nullable=False),
    _timestamp("created_at"),
    _timestamp("updated_at"),
)

# An import of a file. Its position is a checkpoint: everything before it is committed, nothing after it.
imports = Table(
    "imports",
    metadata,
    _id(),
    Column("list_id", ForeignKey("lists.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("plan", JSONB, nullable=False),
    # SHA-256 of the file and the plan: identifies an import that is requested again.
    Column("digest", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False, server_default="0"),
    Column("line", BigInteger, nullable=False, server_default="0"),
    Column("bad_size", BigInteger, nullable=False, server_default="0"),
    Column("new", BigInteger, nullable=False, server_default="0"),
    Column("changed", BigInteger, nullable=False, server_default="0"),
    Column("unchanged", BigInteger, nullable=False, server_default="0"),
    Column("skipped", BigInteger, nullable=False, server_default="0"),
    Column("bad", BigInteger, nullable=False, server_default="0"),
    Column("scan", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("outcomes", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("skip_reasons", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("error", Text, nullable=False, server_default=""),
    _timestamp("created_at"),
    _timestamp("updated_at"),
    Column("finished_at", DateTime(timezone=True)),
    Index("imports_open_idx", "updated_at", postgresql_where=text("state IN ('waiting','running')")),
)

# The addresses that an open import has read, so that a repeated one is reported; deleted when it ends.
import_keys = Table(
    "import_keys",
    metadata,
    # No foreign key: it would cost as much as all the rest of the row.
    Column("import_id", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("line", BigInteger, nullable=False),
    PrimaryKeyConstraint("import_id", "key"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", ARRAY(Text), nullable=False),
    _timestamp("created_at"),
    Column("expires_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
)

# The users of the team's app. Disabled ones stay: histories name them.
users = Table(
    "users",
    metadata,
    _id(),
    Column("email", Text, nullable=False),
    # The address without regard to case.
    Column("key", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("role", Text, nullable=False),
    # Argon2id with its parameters and salt; null until the user has chosen a password.
    Column("password_hash", Text),
    _timestamp("created_at"),
    Column("disabled_at", DateTime(timezone=True)),
    Column("last_signed_in_at", DateTime(timezone=True)),
)

# What users are writing: of each user one about an article, and any number for new ones, which have no article yet.
article_drafts = Table(
    "article_drafts",
    metadata,
    _id(),
    # From the form that began it, which may be sent twice; the reference of the article that it becomes.
    Column("key", Text, nullable=False, unique=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("article_id", ForeignKey("articles.id", ondelete="CASCADE")),
    # The revision that the writing began from, 0 for a new article.
    Column("base_revision", Integer, nullable=False),
    # Grows with each change.
    Column("version", Integer, nullable=False),
    # The fields of the editor; null once nothing is unsaved.
    Column("text", JSONB(none_as_null=True)),
    _timestamp("updated_at"),
    UniqueConstraint("article_id", "user_id"),
    Index(None, "user_id"),
)

# One-time links with which a user chooses a password; the one without a user makes the first owner.
user_links = Table(
    "user_links",
    metadata,
    _id(),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE")),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("purpose", Text, nullable=False),
    _timestamp("created_at"),
    _timestamp("expires_at"),
    Column("used_at", DateTime(timezone=True)),
    Index(None, "user_id"),
)

user_sessions = Table(
    "user_sessions",
    metadata,
    _id(),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),
    _timestamp("created_at"),
    _timestamp("last_seen_at"),
    _timestamp("expires_at"),
    Column("ip_address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Index(None, "user_id"),
)

# The private iCalendar feed of a user: one, under the hash of its token.
calendar_feeds = Table(
    "calendar_feeds",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),
    _timestamp("created_at"),
    Column("last_read_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("user_id"),
)

audit_log = Table(
    "audit_log",
    metadata,
    _id(),
    _timestamp("at"),
    Column("actor", Text, nullable=False),
    # Whose account it was, if it was one.
    Column("user_id", ForeignKey("users.id", ondelete="SET NULL")),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("ip_address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Index(None, "user_id"),
    Index(None, "subject"),
)

# Erasures of subscribers, without anything personal.
erasures = Table(
    "erasures",
    metadata,
    _id(),
    Column("hash", LargeBinary, nullable=False),
    _timestamp("at"),
    Column("requested_by", Text, nullable=False),
    Column("counts", JSONB, nullable=False),
)

channels = Table(
    "channels",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("settings", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    # The settings that are secret, as one encrypted JSON object.
    Column("secrets", LargeBinary),
    Column("discovered_limits", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    Column("discovered_at", DateTime(timezone=True)),
    # The row of a channel that was removed stays for the history of its campaigns.
    Column("removed_at", DateTime(timezone=True)),
    Index("channels_name_key", "name", unique=True, postgresql_where=text("removed_at IS NULL")),
)

campaigns = Table(
    "campaigns",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("purpose", Text, nullable=False, server_default="articles"),
    # Unique, such as for the confirmation mails of one list on one day.
    Column("key", Text, unique=True),
    Column("audience", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    Column("track_opens", Boolean, nullable=False),
    Column("track_clicks", Boolean, nullable=False),
    Column("unknown_policy", Text, nullable=False),
    # The text around the articles, where it differs from that of the channel.
    Column("subject", Text, nullable=False, server_default=""),
    Column("greeting", Text, nullable=False, server_default=""),
    Column("closing", Text, nullable=False, server_default=""),
    Column("cut_after", Integer),
    Column("text", Text, nullable=False, server_default=""),
    Column("preheader", Text, nullable=False, server_default=""),
    # How mails show the articles; NULL: whole.
    Column("layout", Text),
    # The posts that continue the text as replies, and the hashtags under it; NULL: those of the article's tags.
    Column("thread", JSONB, nullable=False, server_default=_EMPTY_LIST),
    Column("hashtags", JSONB),
    # The same by the name of a channel, where it differs from that of the campaign.
    Column("channel_options", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    # Grows with each edit.
    Column("version", Integer, nullable=False, server_default="1"),
    Column("needs_approval", Boolean, nullable=False, server_default=text("false")),
    # What happens if it would go out other than it was reviewed.
    Column("on_change", Text, nullable=False, server_default="refresh"),
    # Of a test: the campaign that it shows, and the subscriber whose merge fields its mails have, if that was chosen.
    Column("test_of", ForeignKey("campaigns.id", ondelete="CASCADE")),
    Column("test_as", BigInteger),
    _timestamp("created_at"),
    Index("campaigns_test_of_idx", "test_of", postgresql_where=text("test_of IS NOT NULL")),
)

# What was shown in each review of a campaign: they are kept, as the proof of it.
campaign_reviews = Table(
    "campaign_reviews",
    metadata,
    _id(),
    Column("campaign_id", ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False),
    # The revisions of its articles by their ids.
    Column("revisions", JSONB, nullable=False),
    # The problems of the campaign as a whole.
    Column("problems", JSONB, nullable=False, server_default=_EMPTY_LIST),
    # What was checked and is right, in sentences.
    Column("passed", JSONB, nullable=False, server_default=_EMPTY_LIST),
    # Whether it was asked if links answer.
    Column("with_links", Boolean, nullable=False, server_default=text("false")),
    # How many problems block it, on its channels too.
    Column("blockers", Integer, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    _timestamp("made_at"),
    Column("approved_by", Text, nullable=False, server_default=""),
    Column("approved_at", DateTime(timezone=True)),
    # When the campaign was scheduled or resumed on it: what goes out is compared with the last such review.
    Column("accepted_at", DateTime(timezone=True)),
    Index(None, "campaign_id"),
)

# What a review showed of each channel.
reviewed_dispatches = Table(
    "reviewed_dispatches",
    metadata,
    Column("review_id", ForeignKey("campaign_reviews.id", ondelete="CASCADE"), nullable=False),
    Column("channel_id", ForeignKey("channels.id"), nullable=False),
    Column("scheduled_at", DateTime(timezone=True)),
    # NULL if it could not be rendered.
    Column("rendition_id", ForeignKey("renditions.id")),
    Column("problems", JSONB, nullable=False, server_default=_EMPTY_LIST),
    Column("recipients", BigInteger, nullable=False),
    Column("passed", JSONB, nullable=False, server_default=_EMPTY_LIST),
    # An amount with its currency; empty if it costs nothing.
    Column("cost", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("review_id", "channel_id"),
    Index(None, "rendition_id"),
)

# What the team says about a campaign. `key` keeps a form that is sent twice from being kept twice.
campaign_comments = Table(
    "campaign_comments",
    metadata,
    _id(),
    Column("campaign_id", ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="SET NULL")),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    # Who got it by mail, by name.
    Column("told", ARRAY(Text), nullable=False, server_default=_EMPTY_ARRAY),
    # That of the campaign when it was written.
    Column("version", Integer, nullable=False),
    _timestamp("created_at"),
    UniqueConstraint("campaign_id", "key"),
    Index(None, "user_id"),
)

# Addresses that tests of campaigns are sent to, under one name; `key` is the name without regard to case.
test_groups = Table(
    "test_groups",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("addresses", ARRAY(Text), nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("changed_by", Text, nullable=False),
    _timestamp("changed_at"),
)

# Who did what with a campaign, and when.
campaign_history = Table(
    "campaign_history",
    metadata,
    _id(),
    Column("campaign_id", ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    # That of the campaign after it.
    Column("version", Integer, nullable=False),
    _timestamp("created_at"),
    Index(None, "campaign_id"),
)

# The files attached to the mails of a campaign.
campaign_attachments = Table(
    "campaign_attachments",
    metadata,
    Column("campaign_id", ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("campaign_id", "position"),
)

campaign_articles = Table(
    "campaign_articles",
    metadata,
    Column("campaign_id", ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("article_id", ForeignKey("articles.id"), nullable=False),
    PrimaryKeyConstraint("campaign_id", "position"),
)

renditions = Table(
    "renditions",
    metadata,
    _id(),
    Column("kind", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    # The canonical JSON as text: jsonb would not give the hashed bytes back. NULL once its retention time has passed.
    Column("payload", Text),
    _timestamp("created_at"),
    Column("removed_at", DateTime(timezone=True)),
    # The targets of its links, after the payload was removed: links in old mails still lead there.
    Column("links", JSONB),
)

dispatches = Table(
    "dispatches",
    metadata,
    _id(),
    Column("campaign_id", ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("channel_id", ForeignKey("channels.id"), nullable=False),
    Column("state", Text, nullable=False),
    # NULL in a draft whose time is open.
    Column("scheduled_at", DateTime(timezone=True)),
    Column("zone", Text, nullable=False),
    # The dispatch of the same campaign that it starts after, and so many seconds later; NULL: at a time of its own.
    Column("follows_id", ForeignKey("dispatches.id", ondelete="SET NULL")),
    Column("follows_after", Integer),
    # The rendition that was reviewed, and once it is prepared the one that is sent.
    Column("rendition_id", ForeignKey("renditions.id")),
    Column("prepared_at", DateTime(timezone=True)),
    # The revisions of the articles that it was prepared from, by their ids.
    Column("revisions", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    Column("audience_size", Integer),
    Column("reason", Text, nullable=False, server_default=""),
    # When a dispatch that has paused by itself resumes; NULL if it waits for an operator.
    Column("resume_at", DateTime(timezone=True)),
    Column("problems", JSONB, nullable=False, server_default=_EMPTY_LIST),
    Column("released_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    # The state that it had when the database was restored, while it waits for a person because of that.
    Column("held_state", Text),
    # Until when it is known what was sent, if it was open when the database was restored.
    Column("known_until", DateTime(timezone=True)),
    # Since when its deliveries are past ones, because their retention time has passed.
    Column("deliveries_removed_at", DateTime(timezone=True)),
    UniqueConstraint("campaign_id", "channel_id"),
    Index(
        "dispatches_open_idx",
        "state",
        "scheduled_at",
        postgresql_where=text("state IN ('scheduled','running')"),
    ),
    Index("dispatches_follows_idx", "follows_id", postgresql_where=text("follows_id IS NOT NULL")),
    Index("dispatches_resume_idx", "resume_at", postgresql_where=text("resume_at IS NOT NULL")),
    # For the calendar: what starts in a month, what is near it on its channel, and what has no time.
    Index("dispatches_scheduled_idx", "scheduled_at"),
    Index("dispatches_channel_idx", "channel_id", "scheduled_at"),
    Index("dispatches_without_time_idx", "campaign_id", postgresql_where=text("scheduled_at IS NULL")),
    # Whether a rendition is still needed.
    Index(None, "rendition_id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    _id(),
    Column("dispatch_id", ForeignKey("dispatches.id", ondelete="CASCADE"), nullable=False),
    # Without foreign keys: checking and locking two rows for each of a million takes longer than the release itself.
    # Releases and deletions of subscribers or lists exclude each other instead (storage.audience_lock).
    Column("subscriber_id", BigInteger),
    # The list on whose behalf it is sent: the one that an unsubscribe concerns.
    Column("list_id", BigInteger),
    Column("recipient", Text, nullable=False),
    Column("fields", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    Column("state", Text, nullable=False),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("worker", Text),
    Column("lease_until", DateTime(timezone=True)),
    # When it is next due: to be sent again if deferred, to be resolved if unknown.
    Column("next_at", DateTime(timezone=True)),
    # When its first attempt started; NULL if there was none.
    Column("first_attempt_at", DateTime(timezone=True)),
    Column("remote_id", Text),
    Column("permalink", Text),
    Column("reply_code", Integer),
    Column("reply", Text, nullable=False, server_default=""),
    Column("detail", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    _timestamp("created_at"),
    _timestamp("updated_at"),
    UniqueConstraint("dispatch_id", "recipient"),
    Index(
        "deliveries_unsettled_idx",
        "dispatch_id",
        "id",
        postgresql_where=text("state IN ('pending','claimed','in_flight','deferred')"),
    ),
    Index("deliveries_leased_idx", "lease_until", postgresql_where=text("state IN ('claimed','in_flight')")),
    # What a running worker holds is in the index of leases.
    Index("deliveries_worker_idx", "worker", postgresql_where=text("worker IS NOT NULL AND state = 'unknown'")),
    Index("deliveries_unknown_idx", "next_at", postgresql_where=text("state = 'unknown' AND next_at IS NOT NULL")),
    # The next attempt of a dispatch.
    Index("deliveries_deferred_idx", "dispatch_id", "next_at", postgresql_where=text("state = 'deferred'")),
    # The last mails of a subscriber by an index-only scan: every change of a state writes to all indexes anyway.
    Index(
        "deliveries_subscriber_id_idx",
        "subscriber_id",
        "id",
        postgresql_include=["dispatch_id", "state"],
        postgresql_where=text("subscriber_id IS NOT NULL"),
    ),
    # The pages of a campaign's deliveries, and its totals. What is not settled is in the index of the unsettled: so a
    # delivery is written to this one once.
    Index(
        "deliveries_outcome_idx",
        "dispatch_id",
        "state",
        "id",
        postgresql_where=text(
            "state IN ('sent','deferred','failed','suppressed','unknown','delivered','bounced','complained')"
        ),
    ),
    # Room for the versions of a row on its own page: less is written to the log than with more room or with none.
    postgresql_with={"fillfactor": "70", **_VACUUMED_EARLIER},
)

# What is kept of a delivery whose retention time has passed: to whom it went and how it ended. It keeps the id, which
# links in its mail name; nobody gets an article twice because of it.
past_deliveries = Table(
    "past_deliveries",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("dispatch_id", ForeignKey("dispatches.id", ondelete="CASCADE"), nullable=False),
    # NULL for accounts of the team, tests, and subscribers who were erased.
    Column("subscriber_id", BigInteger),
    Column("list_id", BigInteger),
    Column("state", Text, nullable=False),
    Index(None, "dispatch_id"),
    Index(
        "past_deliveries_subscriber_id_idx",
        "subscriber_id",
        "dispatch_id",
        postgresql_where=text("subscriber_id IS NOT NULL"),
    ),
)

# What statements have changed in the number of deliveries in each state: a trigger on deliveries adds rows, so that
# workers do not wait for each other at one counter. The scheduler adds them up in the totals, once a second. All three
# without foreign keys: checking one would wait for a release, which holds its dispatch for a while.
delivery_changes = Table(
    "delivery_changes",
    metadata,
    _id(),
    Column("dispatch_id", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("change", BigInteger, nullable=False),
    # When the deliveries changed: their `updated_at`.
    _timestamp("at"),
    Index(None, "dispatch_id"),
)

# How many deliveries of a dispatch are in each state, but for the changes that are not added yet. The reason is that of
# a failure, of a wait or of a suppression; empty for other states. Deliveries that wait for a paused route name it.
delivery_totals = Table(
    "delivery_totals",
    metadata,
    Column("dispatch_id", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("deliveries", BigInteger, nullable=False),
    PrimaryKeyConstraint("dispatch_id", "state", "reason"),
)

# How many deliveries of a dispatch had an outcome in each slot of time, of the last slots only.
delivery_progress = Table(
    "delivery_progress",
    metadata,
    Column("dispatch_id", BigInteger, nullable=False),
    # When the slot begins.
    Column("slot", DateTime(timezone=True), nullable=False),
    Column("settled", BigInteger, nullable=False),
    # The last outcome in it.
    _timestamp("last_at"),
    PrimaryKeyConstraint("dispatch_id", "slot"),
)

# What happened to a delivery before its present state: attempts that did not succeed, and what people did with it.
delivery_history = Table(
    "delivery_history",
    metadata,
    _id(),
    Column("delivery_id", ForeignKey("deliveries.id", ondelete="CASCADE"), nullable=False),
    _timestamp("at"),
    # That of the delivery after it.
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("reply_code", Integer),
    Column("reply", Text, nullable=False, server_default=""),
    # Who did it by hand, and why; empty for an attempt.
    Column("actor", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Index(None, "delivery_id"),
)

delivery_posts = Table(
    "delivery_posts",
    metadata,
    Column("delivery_id", ForeignKey("deliveries.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("request", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    _timestamp("intended_at"),
    Column("remote_id", Text),
    Column("permalink", Text),
    Column("detail", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    # When a lookup found the post, because the response to the call that made it was lost.
    Column("found_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("delivery_id", "number"),
    # Not unique: ids differ only within an account, and a server that is set up anew begins again. Hashed: an id may be
    # as long as a network likes.
    Index(None, "remote_id", postgresql_using="hash"),
)

events = Table(
    "events",
    metadata,
    _id(),
    Column("delivery_id", ForeignKey("deliveries.id", ondelete="CASCADE"), nullable=False),
    # The same as that of the delivery: segments read it for millions of events.
    Column("subscriber_id", BigInteger),
    Column("kind", Text, nullable=False),
    _timestamp("at"),
    Column("key", Text, nullable=False, unique=True),
    Column("detail", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    # Who caused it, as far as that can be seen; of a bounce whether it stands. NULL until it is in the totals.
    Column("client", Text),
    Index("events_uncounted_idx", "id", postgresql_where=text("client IS NULL OR client = 'taken_back'")),
    Index(None, "delivery_id", "kind"),
    Index("events_kind_at_idx", "kind", "at", postgresql_include=["subscriber_id"]),
    Index(
        "events_subscriber_id_idx",
        "subscriber_id",
        "kind",
        "at",
        postgresql_include=["delivery_id"],
        postgresql_where=text("subscriber_id IS NOT NULL"),
    ),
    postgresql_with=_VACUUMED_EARLIER,
)

# Audits that pages asked for. They hold no address: a difference names its delivery.
campaign_audits = Table(
    "campaign_audits",
    metadata,
    _id(),
    Column("campaign_id", ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("state", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    _timestamp("requested_at"),
    _timestamp("updated_at"),
    Column("finished_at", DateTime(timezone=True)),
    # How far it has come: a dispatch, and the last delivery of it that was compared.
    Column("dispatch_id", BigInteger, nullable=False, server_default="0"),
    Column("position", BigInteger, nullable=False, server_default="0"),
    Column("checked", BigInteger, nullable=False, server_default="0"),
    Column("checked_here", BigInteger, nullable=False, server_default="0"),
    Column("counts", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    Column("differences", JSONB, nullable=False, server_default=_EMPTY_LIST),
    Index(None, "campaign_id"),
    Index("campaign_audits_open_idx", "updated_at", postgresql_where=text("state IN ('waiting','running')")),
)

# How many events a dispatch has of each kind and link, as far as counted; an empty link stands for all. Without foreign
# keys: checking one would wait for a release, which holds its dispatch for a while.
event_totals = Table(
    "event_totals",
    metadata,
    Column("dispatch_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("events", BigInteger, nullable=False),
    # The same without known machines.
    Column("people_events", BigInteger, nullable=False),
    # Of how many deliveries.
    Column("deliveries", BigInteger, nullable=False),
    Column("people_deliveries", BigInteger, nullable=False),
    # How many of these deliveries have an open too.
    Column("opened", BigInteger, nullable=False),
    PrimaryKeyConstraint("dispatch_id", "kind", "link"),
)

# Of how many deliveries the first event of a kind was in each hour after the release.
event_hours = Table(
    "event_hours",
    metadata,
    Column("dispatch_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("deliveries", BigInteger, nullable=False),
    Column("people_deliveries", BigInteger, nullable=False),
    PrimaryKeyConstraint("dispatch_id", "kind", "hour"),
)

# The articles that a channel publishes in documents; the date is that of the first publication there.
publications = Table(
    "publications",
    metadata,
    Column("channel_id", ForeignKey("channels.id", ondelete="CASCADE"), nullable=False),
    Column("article_id", ForeignKey("articles.id", ondelete="CASCADE"), nullable=False),
    _timestamp("published_at"),
    PrimaryKeyConstraint("channel_id", "article_id"),
)

# What the channels of a kind build documents from: everything they published (no tag), and what has one tag.
collections = Table(
    "collections",
    metadata,
    Column("kind", Text, nullable=False),
    # Empty: everything.
    Column("tag_slug", Text, nullable=False),
    _timestamp("since"),
    # SHA-256 of what the documents were built from.
    Column("digest", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("kind", "tag_slug"),
)

documents = Table(
    "documents",
    metadata,
    Column("path", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("tag_slug", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    _timestamp("last_modified"),
    ForeignKeyConstraint(["kind", "tag_slug"], ["collections.kind", "collections.tag_slug"], ondelete="CASCADE"),
    Index(None, "kind", "tag_slug"),
)

# Whether the documents of a kind are up to date.
document_builds = Table(
    "document_builds",
    metadata,
    Column("kind", Text, primary_key=True),
    # Of the settings that the documents were built with.
    Column("fingerprint", Text, nullable=False, server_default=""),
    # Counts the changes, so that one during a build is not missed.
    Column("changes", BigInteger, nullable=False, server_default="0"),
    # The first change that is not in the documents yet.
    Column("stale_since", DateTime(timezone=True)),
    # When they have to be built next.
    Column("due_at", DateTime(timezone=True)),
)

# What the team has set about its site in the app, by the names of the settings (domain.site_settings).
site_settings = Table(
    "site_settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    _timestamp("changed_at"),
)

# Logos that were uploaded. Mails that were sent show them by these names for good, so none is deleted.
site_logos = Table(
    "site_logos",
    metadata,
    Column("name", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("body", LargeBinary, nullable=False),
)

# Paused routes from a relay to a destination; an empty destination stands for the whole relay.
paused_routes = Table(
    "paused_routes",
    metadata,
    Column("channel_id", ForeignKey("channels.id", ondelete="CASCADE"), nullable=False),
    Column("relay", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _timestamp("since"),
    Column("probes", Integer, nullable=False, server_default="0"),
    _timestamp("next_probe_at"),
    PrimaryKeyConstraint("channel_id", "relay", "destination"),
)

# How many deliveries a channel has started on a day (UTC), which its warm-up plan limits.
warm_up_days = Table(
    "warm_up_days",
    metadata,
    Column("channel_id", ForeignKey("channels.id", ondelete="CASCADE"), nullable=False),
    Column("day", Date, nullable=False),
    Column("started", Integer, nullable=False),
    PrimaryKeyConstraint("channel_id", "day"),
)

# Mails to postmaster@ a bounce domain, for an operator to read. Their text is bytes: it is no data of ours.
postmaster_mails = Table(
    "postmaster_mails", metadata, _id(), _timestamp("received_at"), Column("raw", LargeBinary, nullable=False)
)

# The histories that the database has had: each restore begins one.
database_generations = Table(
    "database_generations",
    metadata,
    # The first id of a delivery in it.
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    # The same in all generations but those of copies.
    Column("database_id", Uuid, nullable=False),
    Column("beginning", Text, nullable=False),
    _timestamp("began_at"),
    # What was sent between this and its beginning is not in the database; NULL for the first.
    Column("known_until", DateTime(timezone=True)),
    # The name of the backup.
    Column("source", Text, nullable=False, server_default=""),
    # Grows as long as the service runs; kept outside the database as well, so that an older snapshot is noticed.
    Column("position", BigInteger, nullable=False, server_default="0"),
    # When the position grew last.
    Column("seen_at", DateTime(timezone=True)),
    # NULL: it is a copy that sends nothing until it is told to.
    Column("sends_since", DateTime(timezone=True)),
    # Of the secret key that the service works with.
    Column("key_fingerprint", Text, nullable=False, server_default=""),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("role", Text, primary_key=True),
    _timestamp("at"),
    # The same moment by the clock of the database.
    Column("database_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
)

# The running processes of the service and the settings that each works with, of secrets only fingerprints.
processes = Table(
    "processes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("settings", JSONB, nullable=False),
    _timestamp("started_at"),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
)

# What a loop could not process (domain.quarantine).
quarantine = Table(
    "quarantine",
    metadata,
    _id(),
    Column("loop", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _timestamp("first_at"),
    _timestamp("last_at"),
    Column("failures", Integer, nullable=False),
    Column("retry_at", DateTime(timezone=True)),
    Column("content", LargeBinary),
    Column("detail", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    # Of an item that is a dispatch or a job of one.
    Column("dispatch_id", ForeignKey("dispatches.id", ondelete="CASCADE")),
    UniqueConstraint("loop", "key"),
    Index("quarantine_dispatch_id_idx", "dispatch_id", postgresql_where=text("dispatch_id IS NOT NULL")),
)

# What operators are told, once for each matter (domain.notice). One that is over and comes again within an hour is the
# same; `key` says what is the same.
notices = Table(
    "notices",
    metadata,
    _id(),
    Column("key", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("path", Text, nullable=False),
    _timestamp("first_seen_at"),
    Column("told_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Index("notices_open_key", "key", unique=True, postgresql_where=text("ended_at IS NULL")),
    Index("notices_key_idx", "key", text("id DESC")),
)

# How each is told: `next_at` is when the next attempt is due, NULL once it is told, given up or over.
notice_tellings = Table(
    "notice_tellings",
    metadata,
    Column("notice_id", ForeignKey("notices.id", ondelete="CASCADE"), nullable=False),
    Column("way", Text, nullable=False),
    # The notices that are in one mail together, on every attempt.
    Column("batch", BigInteger),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", DateTime(timezone=True)),
    Column("told_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("notice_id", "way"),
    Index("notice_tellings_due_idx", "next_at", postgresql_where=text("next_at IS NOT NULL")),
)

notice_attempts = Table(
    "notice_attempts",
    metadata,
    _id(),
    Column("notice_id", ForeignKey("notices.id", ondelete="CASCADE"), nullable=False),
    Column("way", Text, nullable=False),
    _timestamp("at"),
    Column("is_told", Boolean, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "notice_id"),
)

# One row: who is told, and when somebody last looked for new matters.
notice_settings = Table(
    "notice_settings",
    metadata,
    Column("id", Integer, primary_key=True, server_default="1"),
    Column("addresses", ARRAY(Text), nullable=False, server_default=_EMPTY_ARRAY),
    Column("hook_url", Text, nullable=False, server_default=""),
    Column("secrets", LargeBinary),
    Column("changed_by", Text, nullable=False, server_default=""),
    Column("looked_at", DateTime(timezone=True)),
)
