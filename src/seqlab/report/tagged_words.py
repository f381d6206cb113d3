"""Sentences with a plain tag under each word; wrong tags are marked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from seqlab.report.tagged_sentences import TaggedSentence

_STYLE = Markup("""<style>
.words { display: flex; flex-wrap: wrap; gap: .5rem .8rem; max-width: none; margin: .8rem 0 0;
  padding-top: .8rem; border-top: 1px solid var(--line); }
.words span, .words mark { display: inline-flex; flex-direction: column; color: inherit; background: none; }
.words small { color: var(--muted); }
.words mark { border-bottom: 2px dashed var(--series-2); }
.words mark small { font-weight: 650; color: inherit; }
</style>""")
_KEY = Markup('<p class="tagged-key">A wrong tag is underlined: <s>predicted</s>, then the right one.</p>')


def words_block(sentences: Sequence[TaggedSentence]) -> Markup:
    """All sentences below each other, each word above its tag."""
    if not sentences:
        return Markup("<p>No tag is wrong.</p>")
    return _STYLE + _KEY + Markup("\n").join(map(_sentence, sentences))


def _sentence(each: TaggedSentence) -> Markup:
    parts = []
    for token, gold, predicted in zip(each.tokens, each.gold, each.predicted, strict=True):
        if gold == predicted:
            parts.append(Markup("<span>{}<small>{}</small></span>").format(token, gold))
        else:
            marked = "<mark>{}<small><s>{}</s> {}</small></mark>"
            parts.append(Markup(marked).format(token, predicted, gold))
    return Markup('<p class="words">{}</p>').format(Markup(" ").join(parts))


def choose_wrong(sentences: Sequence[TaggedSentence], limit: int, *, seed: int = 0) -> list[TaggedSentence]:
    """A random choice, in their own order, among the sentences with a wrong tag."""
    wrong = [place for place, each in enumerate(sentences) if tuple(each.gold) != tuple(each.predicted)]
    if len(wrong) > limit:
        wrong = np.sort(np.random.default_rng(seed).choice(wrong, limit, replace=False)).tolist()
    return [sentences[place] for place in wrong]
