"""English and Korean sentence pairs from a small phrase grammar: seeded, synthetic, one Korean each.

Korean puts the verb last and marks what a noun does by a particle behind it, whose form depends on whether
the noun ends in a consonant. korean.json has the words, and of each verb the English base, third person and
past, the Korean polite present, past and future, and the stem before 지, for negation.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from seqlab.data.samples.words import sample_words

SYNTHETIC_NOTICE = (
    "sentence pairs are synthetic: a small English to Korean phrase grammar; figures on it say that the "
    "model learns, not how well it would translate"
)
# by what they mark: after a consonant, after a vowel
PARTICLES = {"topic": "은 는", "subject": "이 가", "object": "을 를", "with": "과 와", "towards": "으로 로"}
_FIRST_SYLLABLE, _LAST_SYLLABLE = ord("가"), ord("힣")
_FINALS = 28  # forms of a syllable's end; 0 is an open syllable
_RIEUL = 8


def final_consonant(word: str) -> int:
    """Number of the consonant that the last syllable ends in, 0 for none (Unicode, section 3.12).

    Raises:
        ValueError: the word ends in no Hangul syllable.
    """
    if not word or not _FIRST_SYLLABLE <= ord(word[-1]) <= _LAST_SYLLABLE:
        raise ValueError(f"{word!r} ends in no Hangul syllable: its particle is unknown")
    return (ord(word[-1]) - _FIRST_SYLLABLE) % _FINALS


def marked(noun: str, what: str) -> str:
    """A noun with one of PARTICLES; before 로 an end in ㄹ counts as open: 서울로."""
    closed, opened = PARTICLES[what].split()
    is_open = final_consonant(noun) in ((0, _RIEUL) if what == "towards" else (0,))
    return noun + (opened if is_open else closed)


def _sentence(choose: random.Random, words: dict[str, Any]) -> tuple[str, str]:
    """One sentence in both languages: topic, time, companion, place, object or goal, verb."""

    def pair(pairs: dict[str, str], leaving_out: Iterable[str] = ()) -> tuple[str, str]:
        chosen = choose.choice([english for english in pairs if english not in leaving_out])
        return chosen, pairs[chosen]

    tense = choose.choice(("present", "past", "future"))
    is_negative, is_question = choose.random() < 0.25, choose.random() < 0.25
    person, person_ko = pair(words["people"])
    name, name_ko = person, person_ko
    if choose.random() < 0.5:
        trait, trait_ko = pair(words["traits"])
        name, name_ko = f"{trait} {name}", f"{trait_ko} {name_ko}"
    is_going = choose.random() < 0.2
    verb = words["go"] if is_going else choose.choice(words["verbs"])
    after, before_verb = [], []
    if is_going:
        goal, goal_ko = pair(words["goals"])
        after.append(f"to {goal}")
        before_verb.append(marked(goal_ko, "towards"))
    else:
        objects: dict[str, str] = {}
        for kind in verb["objects"]:
            objects |= words["things"][kind]
        thing, thing_ko = pair(objects)
        if choose.random() < 0.4:
            quality, quality_ko = pair(words["qualities"])
            thing, thing_ko = f"{quality} {thing}", f"{quality_ko} {thing_ko}"
        after.append(thing)
        before_verb.append(marked(thing_ko, "object"))
        if choose.random() < 0.4:
            place, place_ko = pair(words["places"])
            after.append(place)
            before_verb.insert(0, place_ko)
    if choose.random() < 0.3:
        companion, companion_ko = pair(words["people"], (person,))
        after.append(f"with the {companion}")
        before_verb.insert(0, marked(companion_ko, "with"))
    if choose.random() < 0.5:
        time, time_ko = pair(words["times"][tense])
        after.append(time)
        before_verb.insert(0, time_ko)
    english = " ".join([_english_start(f"the {name}", verb, tense, is_negative, is_question), *after])
    # a question asks who it is that does something: the person is marked as subject, else as topic
    doer = marked(name_ko, "subject" if is_question else "topic")
    korean = " ".join([doer, *before_verb, _korean_verb(verb, tense, is_negative)])
    end = "?" if is_question else "."
    return english[0].upper() + english[1:] + end, korean + end


def _english_start(name: str, verb: dict[str, str], tense: str, is_negative: bool, is_question: bool) -> str:
    """Auxiliary, name and verb in English order."""
    auxiliary = {"present": "does", "past": "did", "future": "will"}[tense]
    if is_question:
        return f"{auxiliary} {name}{' not' if is_negative else ''} {verb['base']}"
    if is_negative:
        return f"{name} {auxiliary} not {verb['base']}"
    form = {"present": verb["third"], "past": verb["past"], "future": f"will {verb['base']}"}[tense]
    return f"{name} {form}"


def _korean_verb(verb: dict[str, str], tense: str, is_negative: bool) -> str:
    """The polite form; negation is the stem with 지 and a form of 않다."""
    if is_negative:
        return (
            f"{verb['stem']}지 " + {"present": "않아요", "past": "않았어요", "future": "않을 거예요"}[tense]
        )
    return verb[f"{tense}_ko"]


def phrase_pairs(*, num_pairs: int = 6000, seed: int = 0) -> list[tuple[str, str]]:
    """Distinct pairs of the grammar, which has some millions; the same seed gives the same pairs."""
    choose, words = random.Random(seed), sample_words("korean")
    found: dict[str, str] = {}
    while len(found) < num_pairs:
        english, korean = _sentence(choose, words)
        found.setdefault(english, korean)
    return list(found.items())
