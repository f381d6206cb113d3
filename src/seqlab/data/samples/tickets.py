"""Made-up support tickets of five kinds: an opening, what happened, what is wanted, drawn by seed."""

from __future__ import annotations

import numpy as np

from seqlab.data.labelled_items import LabelledItems
from seqlab.data.pair_files import clean
from seqlab.errors import UserError

SYNTHETIC_NOTICE = (
    "Synthetic data: made-up support tickets put together from phrases by kind, no file was given. Use "
    "data.path= or data.train= data.test= for real texts."
)
_OPENINGS = ("", "", "Hello,", "Hi,", "Dear team,", "Good morning,", "Hello again:", "URGENT!")
_CLOSINGS = ("", "", "", "Thanks!", "Please help.", "Kind regards", "I am waiting for your answer.")
_THINGS = ("headphones", "kettle", "bike lamp", "phone case", "desk", "jacket", "router", "rice cooker")
_WHEN = ("yesterday", "last week", "two days ago", "on Monday", "this morning", "in March")
_KINDS: dict[str, tuple[float, tuple[str, ...], tuple[str, ...]]] = {  # share, what happened, what is wanted
    "delivery": (
        0.3,
        (
            "my {thing} was sent {when} and has not arrived",
            "the parcel with the {thing} is shown as delivered, but nobody brought it",
            "the courier left the {thing} with a neighbor I do not know",
            "tracking has not moved since the {thing} was shipped {when}",
        ),
        ("Where is it?", "When will it come?", "Can you send it again?", "Please check the address."),
    ),
    "billing": (
        0.25,
        (
            "I was charged twice for the {thing} {when}",
            "the invoice for my {thing} shows the wrong amount",
            "my card was debited {when}, but the order of the {thing} is shown as not paid",
            "the voucher was not taken off the price of the {thing}",
        ),
        ("Please correct the invoice.", "I want my money back.", "Can you cancel the second payment?"),
    ),
    "account": (
        0.2,
        (
            "I cannot log in since {when}",
            "the password reset mail never came",
            "my account was locked {when} after I changed my address",
            "the app says that my mail address is not known",
        ),
        ("Please unlock it.", "How do I sign in?", "Can you reset my password?"),
    ),
    "defect": (
        0.15,
        (
            "the {thing} that I bought {when} is broken",
            "the {thing} does not switch on any more",
            "there is a scratch on the {thing}",
            "the {thing} makes a loud noise since {when}",
        ),
        ("Can it be repaired?", "I want a new one.", "Is this covered by the warranty?"),
    ),
    "return": (
        0.1,
        (
            "the {thing} is too small and I want to send it back",
            "I ordered the {thing} {when} and changed my mind",
            "I received a {thing} that I did not order",
        ),
        ("Where is the return label?", "I want my money back.", "Can you send it again in another size?"),
    ),
}
_MISTAKEN = 0.04  # share of the tickets that somebody filed under another kind


def simulate_tickets(*, num_texts: int = 2000, seed: int = 0) -> LabelledItems:
    """Made-up tickets, unevenly many of each kind; some are filed under the wrong one, so no rule is right
    about all.

    Raises:
        UserError: fewer than 60 texts.
    """
    if not isinstance(num_texts, int) or num_texts < 60:
        raise UserError(f"data.sample.num_texts={num_texts}: give a whole number, at least 60")
    rng = np.random.default_rng(seed)
    kinds = list(_KINDS)
    shares = np.array([share for share, _, _ in _KINDS.values()])
    written = rng.choice(len(kinds), size=num_texts, p=shares)
    filed = np.where(rng.random(num_texts) < _MISTAKEN, rng.integers(len(kinds), size=num_texts), written)
    texts = tuple(_ticket(kinds[kind], rng) for kind in written.tolist())
    lines = np.arange(1, num_texts + 1)
    return LabelledItems(texts, tuple(kinds[kind] for kind in filed.tolist()), lines, "data.sample")


def _ticket(kind: str, rng: np.random.Generator) -> str:
    def one(choices: tuple[str, ...]) -> str:
        return choices[int(rng.integers(len(choices)))]

    _, happened, wanted = _KINDS[kind]
    what = one(happened).format(thing=one(_THINGS), when=one(_WHEN))
    opening = one(_OPENINGS)
    body = what if opening.endswith(",") else what[0].upper() + what[1:]
    return clean(f"{opening} {body}. {one(wanted) if rng.random() < 0.7 else ''} {one(_CLOSINGS)}")
