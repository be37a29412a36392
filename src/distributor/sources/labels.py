"""Labels of metadata in plain text, in many languages: what "Author:", "Schlagworte:" or "Mots-clés :" announce."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

# They are compared without case, accents, blanks, hyphens and underscores. Short words that are common in prose and
# those of only one profession are left out.
# fmt: off
_TITLES = (
    "title", "headline", "subject", "titel", "überschrift", "betreff", "titre", "objet", "sujet", "título", "asunto",
    "titolo", "oggetto", "assunto", "onderwerp", "rubrik", "ämne", "overskrift", "emne", "otsikko", "aihe", "tytuł",
    "temat", "nadpis", "název", "předmět", "cím", "tárgy", "titlu", "subiect", "başlık", "konu", "заголовок",
    "название", "тема", "назва", "заглавие", "τίτλος", "θέμα", "标题", "標題", "主题", "タイトル", "件名", "제목",
    "العنوان", "כותרת", "títol", "naslov", "tiêu đề", "judul",
)
_AUTHORS = (
    "author", "authors", "byline", "from", "by", "written by", "words by", "text by", "story by",
    "text", "words", "autor", "autore", "autoras", "verfasst von", "geschrieben von", "écrit par",
    "escrito por", "scritto da", "geschreven door", "skrevet av", "autorin", "autoren", "verfasser",
    "verfasserin", "von", "absender", "auteur", "auteure", "auteurs", "autrice", "de", "autora",
    "autores", "remitente", "autori", "da", "mittente", "schrijver", "van", "författare",
    "skribent", "från", "forfatter", "fra", "kirjoittaja", "lähettäjä", "autorzy", "autorka", "od",
    "szerző", "feladó", "yazar", "gönderen", "автор", "авторы", "автори", "от", "від", "συγγραφέας",
    "από", "作者", "发件人", "著者", "筆者", "執筆者", "差出人", "글쓴이", "저자", "작성자", "الكاتب", "المؤلف", "מאת",
    "penulis", "tác giả",
)
_DATES = (
    "date", "published", "veröffentlicht", "erschienen", "publié", "publicado", "pubblicato", "gepubliceerd",
    "publicerad", "udgivet", "publisert", "julkaistu", "opublikowano", "zveřejněno", "опубликовано", "published on",
    "posted", "posted on", "publication date", "dateline", "sent", "release date", "datum", "gesendet",
    "erscheinungsdatum", "envoyé", "date de publication", "fecha", "enviado", "fecha de publicación", "data",
    "data di pubblicazione", "data de publicação", "inviato", "verzonden", "publicatiedatum", "skickat",
    "publiceringsdatum", "dato", "sendt", "päivämäärä", "päiväys", "lähetetty", "data publikacji", "wysłano",
    "odesláno", "datum vydání", "dátum", "keltezés", "tarih", "дата", "отправлено", "ημερομηνία", "日期", "日付",
    "公開日", "날짜", "التاريخ", "תאריך", "tanggal", "ngày",
)
_TAGS = (
    "tags", "tag", "keywords", "keyword", "key words", "key word", "tagged", "hashtags", "hashtag", "index terms",
    "labels", "schlagwort", "schlagworte", "schlagwörter", "schlagwoerter", "stichwort", "stichworte", "stichwörter",
    "stichwoerter", "schlüsselwörter", "schlüsselbegriffe", "mot-clé", "mots-clés", "mots-clefs", "étiquette",
    "étiquettes", "balises", "palabras clave", "palabra clave", "etiqueta", "etiquetas", "descriptores",
    "parole chiave", "parola chiave", "etichetta", "etichette", "palavras-chave", "palavra-chave", "marcador",
    "marcadores", "paraules clau", "etiquetes", "trefwoord", "trefwoorden", "sleutelwoorden", "kernwoorden",
    "nyckelord", "sökord", "taggar", "etiketter", "ämnesord", "nøgleord", "stikord", "emneord", "tagger", "nøkkelord",
    "stikkord", "avainsana", "avainsanat", "asiasanat", "tunnisteet", "hakusanat", "märksõnad", "efnisorð",
    "lykilorð", "słowa kluczowe", "słowo kluczowe", "tagi", "etykiety", "hasła", "klíčová slova", "štítky", "štítek",
    "tagy", "kľúčové slová", "značky", "ključne besede", "ključne riječi", "oznake", "kulcsszavak", "címkék",
    "cuvinte cheie", "etichete", "anahtar kelimeler", "anahtar sözcükler", "etiketler", "ключевые слова", "теги",
    "тэги", "метки", "хештеги", "хэштеги", "ключові слова", "мітки", "ключови думи", "тагове", "етикети",
    "raktažodžiai", "žymos", "atslēgvārdi", "birkas", "λέξεις-κλειδιά", "λέξεις κλειδιά", "ετικέτες", "关键词",
    "關鍵詞", "关键字", "關鍵字", "标签", "標籤", "キーワード", "タグ", "키워드", "태그", "핵심어", "주제어",
    "الكلمات المفتاحية", "كلمات مفتاحية", "كلمات دلالية", "الوسوم", "وسوم", "מילות מפתח", "תגיות", "کلیدواژه‌ها",
    "برچسب‌ها", "kata kunci", "từ khóa", "thẻ", "टैग", "คำสำคัญ", "แท็ก",
)
# They announce tags, or what the text is about.
_TOPICS = (
    "topics", "topic", "categories", "category", "filed under", "posted in", "themen", "kategorie", "kategorien",
    "thèmes", "catégorie", "catégories", "temas", "categoría", "categorías", "argomenti", "categoria", "categorie",
    "categorias", "tópicos", "onderwerpen", "categorieën", "kategori", "kategorier", "рубрика", "рубрики",
    "категории", "категорії", "κατηγορίες", "分类", "分類", "カテゴリー", "カテゴリ", "카테고리", "분류",
)
_SUMMARIES = (
    "summary", "description", "excerpt", "teaser", "standfirst", "zusammenfassung", "kurzfassung", "vorspann",
    "anreißer", "résumé", "chapô", "resumen", "entradilla", "riassunto", "sommario", "resumo", "samenvatting",
    "sammanfattning", "sammendrag", "resumé", "tiivistelmä", "streszczenie", "shrnutí", "összefoglaló", "rezumat",
    "özet", "краткое содержание", "аннотация", "анотація", "περίληψη", "摘要", "要約", "概要", "요약", "ملخص",
    "תקציר",
)
_LANGUAGES = (
    "language", "sprache", "langue", "idioma", "lingua", "taal", "språk", "sprog", "kieli", "język", "jazyk", "nyelv",
    "dil", "язык",
)
_UPDATES = (
    "updated", "updated on", "last updated", "last modified", "modified", "aktualisiert", "zuletzt aktualisiert",
    "stand", "mis à jour", "mise à jour", "actualizado", "aggiornato", "atualizado", "bijgewerkt", "uppdaterad",
    "opdateret", "oppdatert", "päivitetty", "zaktualizowano", "aktualizováno", "обновлено", "更新日",
)
# fmt: on
_LABELLED = re.compile(r"(?P<label>[^\W\d_][\w \t.’'\u200c-]{0,40}?)[ \t]*[:：]\s*(?P<value>\S.*)", re.DOTALL)
_BETWEEN_WORDS = re.compile(r"[\s_.\u200c-]+")


def key_of(label: str) -> str | None:
    """The key of front matter that a label means, in English: title, author, date, updated, tags, topics …"""
    return _KEYS.get(_plain(label))


def read_label(text: str) -> tuple[str, str] | None:
    """The key that a line begins with, and its value: ("author", "Ida Crane") for "Autorin: Ida Crane"."""
    found = _LABELLED.fullmatch(text)
    key = key_of(found["label"]) if found else None
    return (key, found["value"]) if found and key else None


def _plain(label: str) -> str:
    decomposed = unicodedata.normalize("NFKD", label.casefold())
    bare = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return _BETWEEN_WORDS.sub("", bare)


_LABELS: Mapping[str, tuple[str, ...]] = {
    "title": _TITLES,
    "author": _AUTHORS,
    "date": _DATES,
    "updated": _UPDATES,
    "tags": _TAGS,
    "topics": _TOPICS,
    "summary": _SUMMARIES,
    "language": _LANGUAGES,
}
_KEYS = {_plain(label): key for key, labels in _LABELS.items() for label in labels}
