"""Made-up family names by country: syllables and endings that sound like the place, drawn by seed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seqlab.data.labelled_items import LabelledItems
from seqlab.data.labelled_text import written_form
from seqlab.data.pair_files import clean
from seqlab.errors import UserError

SYNTHETIC_NOTICE = (
    "Synthetic data: made-up names put together from syllables by country, no file was given. Use data.path= "
    "or data.train= data.test= for real names."
)


class _Sound(NamedTuple):
    """How names of a country are built: first syllables, middle ones, endings."""

    weight: float  # share of the names, before scaling
    first: str
    middle: str
    last: str
    num_middle: tuple[float, ...]  # chance of 0, 1, ... middle syllables


_SOUNDS = {
    "Czech": _Sound(
        3,
        "No Dvo Svo Pro Hor Ku Ma Be Ne Vla Kře Če Še Ži",
        "vo bo ro cha me li řá",
        "ák ek ský ný ka čka ec ář",
        (0.4, 0.6),
    ),
    "English": _Sound(
        8,
        "Ash Bar Brad Clif Hard Har Lan Mor Nor Strat Wal Whit Win Ben Tur",
        "ing er bur den ling",
        "ton ford ley man son worth field wood ham ner",
        (0.7, 0.3),
    ),
    "German": _Sound(
        4,
        "Schnei Mül Hoff Bau Kö Wag Kra Schu Zim Ber Stein Fried Lan Har",
        "der ber mer hau gen",
        "mann ler ner berg bach er stein hardt nig",
        (0.7, 0.3),
    ),
    "Greek": _Sound(
        2,
        "Papa Geor Kon Dimi Ale Niko Stav Ath Pana Chri",
        "gi do stan tri xan la ro ge",
        "poulos idis akis ou as opoulos atos",
        (0.3, 0.5, 0.2),
    ),
    "Italian": _Sound(
        4,
        "Ros Ber Gio Mar Lom Ca Fer Bian De Mo San Ba",
        "si tol van ti bar ra ru del",
        "ni ini etti elli ucci aro ese one chi",
        (0.4, 0.6),
    ),
    "Japanese": _Sound(
        4,
        "Ya Ta Ka Su Mi Na Ha Ko Sa Wa Fu Yo",
        "ma na ka mu shi to wa ra ji mo",
        "moto da ta ra ki no mura shi guchi",
        (0.4, 0.5, 0.1),
    ),
    "Korean": _Sound(
        3,
        "김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황 안 송 Kim Lee Park Choi Jung Yoon",
        "민 서 지 현 수 영 준 하 은 도",
        "준 우 연 희 호 아 진 경 민 율",
        (0.5, 0.5),
    ),
    "Polish": _Sound(
        2,
        "Kowal Wiś Nowa Lewan Dąb Zie Szy Woź Kamiń Ma",
        "niew lin dow chal row ja",
        "ski czyk ska owski icz cki ak",
        (0.5, 0.5),
    ),
    "Russian": _Sound(
        8,
        "Iva Pe Si Ku Va Mi Niko Ale Fe Mo Gri Zai Bo Ta",
        "no tro do zne khai la gor xe ro lja",
        "v vich ov ev in sky tsev nov kin off",
        (0.3, 0.5, 0.2),
    ),
    "Spanish": _Sound(
        3,
        "Gar Mar Ro Fer Lo Gó Nú Mu Cas Iba San Pe",
        "tí drí nán me ñe til rá na",
        "cía nez guez pez ñoz llo do ro les",
        (0.5, 0.5),
    ),
}
_MOVED = 0.08  # share of the names whose label is drawn anew
_WITHOUT_ACCENTS = 0.4  # share of the names that lose the accents they have
_KOREAN_ROMAN = {
    "민": " Min",
    "서": " Seo",
    "지": " Ji",
    "현": " Hyun",
    "수": " Soo",
    "영": " Young",
    "준": " Jun",
}


def simulate_names(*, num_names: int = 3000, seed: int = 0) -> LabelledItems:
    """Made-up names of ten countries, unevenly many; some are drawn more than once.

    Some are written without their accents, and some families have moved: their label is the country they
    came to, so that no rule is right about all.

    Raises:
        UserError: fewer than 60 names.
    """
    if not isinstance(num_names, int) or num_names < 60:
        raise UserError(f"data.sample.num_names={num_names}: give a whole number, at least 60")
    rng = np.random.default_rng(seed)
    labels = list(_SOUNDS)
    weights = np.array([sound.weight for sound in _SOUNDS.values()])
    lives, came = rng.choice(len(labels), size=(2, num_names), p=weights / weights.sum())
    origins = np.where(rng.random(num_names) < _MOVED, came, lives)
    plain = rng.random(num_names) < _WITHOUT_ACCENTS
    names = tuple(
        clean(written_form(_name(labels[origin], rng), ascii=bare))
        for origin, bare in zip(origins.tolist(), plain.tolist(), strict=True)
    )
    lines = np.arange(1, num_names + 1)
    return LabelledItems(names, tuple(labels[place] for place in lives.tolist()), lines, "data.sample")


def _name(label: str, rng: np.random.Generator) -> str:
    sound = _SOUNDS[label]

    def one_of(syllables: str) -> str:
        choices = syllables.split()
        return choices[int(rng.integers(len(choices)))]

    first = one_of(sound.first)
    middle = [one_of(sound.middle) for _ in range(int(rng.choice(len(sound.num_middle), p=sound.num_middle)))]
    if label == "Korean" and first.isascii():  # a name in Roman letters keeps to them
        return first if not middle else first + _KOREAN_ROMAN.get(middle[0], "")
    return first + "".join(middle) + one_of(sound.last)
