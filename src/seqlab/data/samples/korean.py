"""English and Korean sentence pairs from a small phrase grammar: seeded, synthetic, one Korean each.

Korean puts the verb last and marks what a noun does by a particle behind it, whose form depends on whether
the noun ends in a consonant: 은/는 topic, 이/가 subject, 을/를 object, 와/과 with, (으)로 towards.
"""

from __future__ import annotations

import random
from typing import NamedTuple

SYNTHETIC_NOTICE = (
    "sentence pairs are synthetic: a small English to Korean phrase grammar; figures on it say that the "
    "model learns, not how well it would translate"
)

PEOPLE = {
    "student": "학생",
    "teacher": "선생님",
    "friend": "친구",
    "doctor": "의사",
    "child": "아이",
    "singer": "가수",
    "writer": "작가",
    "neighbor": "이웃",
    "farmer": "농부",
    "nurse": "간호사",
    "professor": "교수님",
    "grandmother": "할머니",
    "uncle": "삼촌",
    "cook": "요리사",
}
TRAITS = {"kind": "친절한", "young": "젊은", "busy": "바쁜", "clever": "똑똑한", "tall": "키가 큰"}
QUALITIES = {"new": "새", "good": "좋은", "expensive": "비싼", "cheap": "싼"}
PLACES = {
    "at home": "집에서",
    "at school": "학교에서",
    "in the park": "공원에서",
    "at the library": "도서관에서",
    "at the cafe": "카페에서",
    "in the room": "방에서",
}
GOALS = {
    "school": "학교",
    "the hospital": "병원",
    "the sea": "바다",
    "the station": "역",
    "Seoul": "서울",
    "Busan": "부산",
    "the market": "시장",
}
FOOD = {"rice": "밥", "bread": "빵", "noodles": "국수", "meat": "고기", "soup": "국", "fruit": "과일"}
DRINKS = {"water": "물", "coffee": "커피", "milk": "우유", "tea": "차", "juice": "주스"}
TEXTS = {
    "books": "책",
    "newspapers": "신문",
    "letters": "편지",
    "novels": "소설",
    "magazines": "잡지",
    "poems": "시",
}
PICTURES = {"films": "영화", "plays": "연극", "photos": "사진", "paintings": "그림"}


class Verb(NamedTuple):
    """Forms of a verb: English base, third person and past; Korean polite present, past, future, stem."""

    base: str
    third: str
    past: str
    present_ko: str
    past_ko: str
    future_ko: str
    stem: str  # before 지, for negation
    objects: dict[str, str]


VERBS = (
    Verb("eat", "eats", "ate", "먹어요", "먹었어요", "먹을 거예요", "먹", FOOD),
    Verb("cook", "cooks", "cooked", "요리해요", "요리했어요", "요리할 거예요", "요리하", FOOD),
    Verb("drink", "drinks", "drank", "마셔요", "마셨어요", "마실 거예요", "마시", DRINKS),
    Verb("read", "reads", "read", "읽어요", "읽었어요", "읽을 거예요", "읽", TEXTS),
    Verb("write", "writes", "wrote", "써요", "썼어요", "쓸 거예요", "쓰", TEXTS),
    Verb("watch", "watches", "watched", "봐요", "봤어요", "볼 거예요", "보", PICTURES),
    Verb("buy", "buys", "bought", "사요", "샀어요", "살 거예요", "사", FOOD | DRINKS | TEXTS | PICTURES),
    Verb(
        "like",
        "likes",
        "liked",
        "좋아해요",
        "좋아했어요",
        "좋아할 거예요",
        "좋아하",
        FOOD | DRINKS | TEXTS | PICTURES,
    ),
)
GO = Verb("go", "goes", "went", "가요", "갔어요", "갈 거예요", "가", {})
TIMES = {
    "present": {"every day": "매일", "in the morning": "아침에", "in the evening": "저녁에", "now": "지금"},
    "past": {"yesterday": "어제", "last week": "지난주에", "in the morning": "아침에"},
    "future": {"tomorrow": "내일", "next week": "다음 주에", "in the evening": "저녁에"},
}
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


def topic(noun: str) -> str:
    """학생은, 가수는."""
    return noun + ("은" if final_consonant(noun) else "는")


def subject(noun: str) -> str:
    """학생이, 가수가."""
    return noun + ("이" if final_consonant(noun) else "가")


def object_of(noun: str) -> str:
    """밥을, 커피를."""
    return noun + ("을" if final_consonant(noun) else "를")


def together_with(noun: str) -> str:
    """학생과, 가수와."""
    return noun + ("과" if final_consonant(noun) else "와")


def towards(noun: str) -> str:
    """시장으로, 바다로; an end in ㄹ counts as open: 서울로."""
    return noun + ("로" if final_consonant(noun) in (0, _RIEUL) else "으로")


def _sentence(choose: random.Random) -> tuple[str, str]:
    """One sentence in both languages: topic, time, companion, place, object or goal, verb."""
    tense = choose.choice(("present", "past", "future"))
    is_negative, is_question = choose.random() < 0.25, choose.random() < 0.25
    person = choose.choice(list(PEOPLE))
    name, name_ko = person, PEOPLE[person]
    if choose.random() < 0.5:
        trait = choose.choice(list(TRAITS))
        name, name_ko = f"{trait} {name}", f"{TRAITS[trait]} {name_ko}"
    verb = GO if choose.random() < 0.2 else choose.choice(VERBS)
    after, before_verb = [], []
    if verb is GO:
        goal = choose.choice(list(GOALS))
        after.append(f"to {goal}")
        before_verb.append(towards(GOALS[goal]))
    else:
        thing = choose.choice(list(verb.objects))
        thing_ko = verb.objects[thing]
        if choose.random() < 0.4:
            quality = choose.choice(list(QUALITIES))
            thing, thing_ko = f"{quality} {thing}", f"{QUALITIES[quality]} {thing_ko}"
        after.append(thing)
        before_verb.append(object_of(thing_ko))
        if choose.random() < 0.4:
            place = choose.choice(list(PLACES))
            after.append(place)
            before_verb.insert(0, PLACES[place])
    if choose.random() < 0.3:
        companion = choose.choice([other for other in PEOPLE if other != person])
        after.append(f"with the {companion}")
        before_verb.insert(0, together_with(PEOPLE[companion]))
    if choose.random() < 0.5:
        time = choose.choice(list(TIMES[tense]))
        after.append(time)
        before_verb.insert(0, TIMES[tense][time])
    english = " ".join([_english_start(f"the {name}", verb, tense, is_negative, is_question), *after])
    # a question asks who it is that does something: the person is marked as subject, else as topic
    marked = subject(name_ko) if is_question else topic(name_ko)
    korean = " ".join([marked, *before_verb, _korean_verb(verb, tense, is_negative)])
    end = "?" if is_question else "."
    return english[0].upper() + english[1:] + end, korean + end


def _english_start(name: str, verb: Verb, tense: str, is_negative: bool, is_question: bool) -> str:
    """Auxiliary, name and verb in English order."""
    auxiliary = {"present": "does", "past": "did", "future": "will"}[tense]
    if is_question:
        return f"{auxiliary} {name}{' not' if is_negative else ''} {verb.base}"
    if is_negative:
        return f"{name} {auxiliary} not {verb.base}"
    return f"{name} " + {"present": verb.third, "past": verb.past, "future": f"will {verb.base}"}[tense]


def _korean_verb(verb: Verb, tense: str, is_negative: bool) -> str:
    """The polite form; negation is the stem with 지 and a form of 않다."""
    if is_negative:
        return f"{verb.stem}지 " + {"present": "않아요", "past": "않았어요", "future": "않을 거예요"}[tense]
    return {"present": verb.present_ko, "past": verb.past_ko, "future": verb.future_ko}[tense]


def phrase_pairs(*, num_pairs: int = 6000, seed: int = 0) -> list[tuple[str, str]]:
    """Distinct pairs of the grammar, which has some millions; the same seed gives the same pairs."""
    choose = random.Random(seed)
    found: dict[str, str] = {}
    while len(found) < num_pairs:
        english, korean = _sentence(choose)
        found.setdefault(english, korean)
    return list(found.items())
