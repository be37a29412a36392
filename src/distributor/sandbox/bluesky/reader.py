"""A Bluesky post as its reader sees it: links and tags are where facets say so, and nowhere else."""

from __future__ import annotations

from urllib.parse import urlsplit

from distributor.sandbox.bluesky.account import BlueskyTestAccount
from distributor.sandbox.bluesky.posts import (
    MAX_GRAPHEMES,
    ExternalEmbed,
    Feature,
    ImagesEmbed,
    PostRecord,
    StoredRecord,
    graphemes,
)
from distributor.sandbox.display import DisplayedCard, DisplayedImage, DisplayedPost, DisplayedText


def as_displayed_post(record: StoredRecord, post: PostRecord, uri: str, account: BlueskyTestAccount) -> DisplayedPost:
    """`uri` is the record's at:// address."""
    return DisplayedPost(
        key=uri,
        parent=post.reply.parent.uri if post.reply else None,
        author=account.name,
        handle=f"@{account.handle}",
        created_at=record.stored_at,
        text=post.text,
        spans=as_spans(post),
        length=graphemes(post.text),
        limit=MAX_GRAPHEMES,
        url=f"/bluesky/profile/{account.handle}/post/{uri.rpartition('/')[2]}",
        images=_images(post),
        card=_card(post),
    )


def as_spans(post: PostRecord) -> list[DisplayedText]:
    """The text cut at its facets."""
    text = post.text.encode()
    spans: list[DisplayedText] = []
    end = 0
    for facet in sorted(post.facets, key=lambda facet: facet.index.byteStart):
        start, stop = facet.index.byteStart, facet.index.byteEnd
        target = _target(facet.features[0])
        spans += [DisplayedText(text[end:start].decode()), DisplayedText(text[start:stop].decode(), target, target)]
        end = stop
    return [span for span in (*spans, DisplayedText(text[end:].decode())) if span.text]


def _target(feature: Feature) -> str:
    fields = feature.model_dump()
    if "tag" in fields:
        return f"https://bsky.app/hashtag/{fields['tag']}"
    return str(fields.get("uri") or f"https://bsky.app/profile/{fields['did']}")


def _card(post: PostRecord) -> DisplayedCard | None:
    if not isinstance(post.embed, ExternalEmbed):
        return None
    card = post.embed.external
    return DisplayedCard(
        url=card.uri,
        host=urlsplit(card.uri).hostname or card.uri,
        title=card.title,
        description=card.description,
        image=DisplayedImage(path=f"/media/bluesky/{card.thumb.ref.link}", alt="") if card.thumb else None,
    )


def _images(post: PostRecord) -> list[DisplayedImage]:
    if not isinstance(post.embed, ImagesEmbed):
        return []
    return [DisplayedImage(path=f"/media/bluesky/{image.image.ref.link}", alt=image.alt) for image in post.embed.images]
