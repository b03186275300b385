"""The shared sentences of all cards, from wording.toml."""

from pathlib import Path

from cds.reasoning.files import File, Text, read


class Wording(File):
    """`wording.toml`."""

    max_cards: int
    order: tuple[Text, ...]
    last: tuple[Text, ...]
    repeats: dict[Text, tuple[Text, ...]]
    seen: Text
    why: Text
    consider: Text
    not_checked: Text
    more: Text
    lines: int
    basis: int
    converted: Text
    reference_range: Text
    also: Text
    safety: Text
    critical: Text
    draft: Text
    unread: Text
    failed: Text
    fold_intro: Text
    fold_summary: Text
    fold_summary_short: Text
    fold_summary_soon: Text
    speaks_for: Text
    speaks_against: Text
    next_step: Text
    severity: Text
    ask: Text
    intake_link: Text
    after_emergency: Text
    self_care: Text
    fold_title: Text
    fold_source: Text
    failed_summary: Text
    failed_why: Text
    unevaluated_summary: Text
    unevaluated_why: Text
    not_to_be_had: Text
    patient: Text
    plan_link: Text
    topic_system: Text
    order_note: Text
    already_ordered_days: int


WORDING = read(Path(__file__).with_name("wording.toml"), Wording)
