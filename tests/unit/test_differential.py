"""The differential: weights added up, the leading causes set side by side, and what to ask."""

from typing import Any

import pytest

from cds.chart.chart import Chart
from cds.reasoning.differential import View
from cds.reasoning.files import IntakeFile, read
from cds.services import assess, differential, knowledge
from tests.unit.fhir import ICD, PATIENT, SUBJECT, active, chart_of, record_of

INTAKE = read(knowledge().root / "intake" / "questionnaire.toml", IntakeFile)
DAY = "2026-05-15"


def _told(*others: dict[str, Any], **answers: str | bool) -> Chart:
    """Make a chart of leg pain and an intake form, its items by their link ids with _ for -."""
    items = [
        {
            "linkId": link.replace("_", "-"),
            "answer": [{"valueBoolean": said} if isinstance(said, bool) else {"valueCoding": {"code": said}}],
        }
        for link, said in answers.items()
    ]
    form = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "subject": SUBJECT,
        "authored": DAY,
        "item": items,
    }
    return chart_of(active(), form, *others)


def _view(**answers: str | bool) -> View:
    return differential().view(_told(**answers))


def _listed(view: View) -> list[str]:
    return [cause.topic for cause in view.causes]


def test_without_a_leg_symptom_nothing_is_weighed() -> None:
    assert differential().view(chart_of()) == View()


def test_a_cause_is_listed_from_a_score_of_three() -> None:
    assert _listed(_view(urge_to_move=True)) == ["rls"]


def test_below_that_it_is_not() -> None:
    assert _listed(_view(better_when="moving")) == []


def test_what_speaks_against_a_cause_is_subtracted_and_said() -> None:
    view = _view(cramp=True, urge_to_move=True)

    (cause,) = (cause for cause in view.causes if cause.topic == "nocturnalcramps")
    assert cause.score == 3
    assert [sign.words for sign in cause.speaks_against] == ["an urge to move"]


def test_the_weightiest_cause_stands_first() -> None:
    assert _listed(_view(back_radiation=True, veins=True)) == ["radiculopathy", "venousinsufficiency"]


def test_causes_of_one_score_keep_the_order_of_the_file() -> None:
    assert _listed(_view(veins=True, better_when="dangling", urge_to_move=True))[0] == "pad"


def test_stiffness_of_half_an_hour_or_none_with_pain_on_activity_is_osteoarthritis() -> None:
    assert _listed(_view(joint="knee", worse_when="walking", stiff="none")) == ["osteoarthritis"]
    assert _listed(_view(joint="hip", worse_when="after-exercise", stiff="up-to-30")) == ["osteoarthritis"]


def test_a_stiff_joint_that_does_not_hurt_on_activity_is_not() -> None:
    assert _listed(_view(joint="knee", stiff="up-to-30")) == []


def test_exercise_explains_nothing_beside_a_swollen_leg() -> None:
    assert _listed(_view(new_activity=True, side="both")) == ["overusepositional"]
    assert _listed(_view(new_activity=True, swelling="one-leg")) == []


def test_exercise_is_not_listed_beside_a_warning_of_another_topic() -> None:
    calm = _told(new_activity=True, side="both", walk_pain=True)
    warned = _told(new_activity=True, side="both", walk_pain=True, walk_relief="within-10-min", site="calf")

    assert "overusepositional" in _listed(assess(calm).view)
    assert _listed(differential().view(warned)) == ["pad", "overusepositional"]
    assert _listed(assess(warned).view) == ["pad"]


def _advised(chart: Chart) -> set[str]:
    return {advice.name for advice in assess(chart).advice}


def test_a_red_flag_explains_the_ache_that_would_else_be_put_down_to_the_arteries() -> None:
    """PAD-2: quiet beside a red-flag card, of whatever topic."""
    angina = active({"coding": [{"system": ICD, "code": "I25.2"}]})
    flagged = {"side": "left", "swelling": "one-leg"}

    assert "suspected-by-risk" in _advised(_told(angina, side="left"))
    assert "thrombosis-unlikely" in _advised(_told(angina, **flagged))
    assert "suspected-by-risk" not in _advised(_told(angina, **flagged))


def test_topics_can_be_left_out_of_the_view() -> None:
    view = _view(new_activity=True, urge_to_move=True).without({"overusepositional"})

    assert _listed(view) == ["rls"]


def test_questions_part_the_leading_causes_and_were_not_answered_yet() -> None:
    view = _view(veins=True, urge_to_move=True)

    assert 0 < len(view.questions) <= differential().file.most_questions
    assert "What eases it?" in view.questions
    assert "Bulging veins on the legs?" not in view.questions


def test_nothing_is_asked_where_one_cause_stands_alone() -> None:
    assert _view(urge_to_move=True).questions == ()


def test_an_unanswered_form_is_no_answer() -> None:
    assert not _view().answered


def test_lost_sleep_presses() -> None:
    assert [sign.words for sign in _view(sleep="most-nights").severity] == ["sleep suffers"]


@pytest.mark.parametrize("sleep", ["some-nights", "none"])
def test_little_lost_sleep_does_not(sleep: str) -> None:
    assert _view(sleep=sleep).severity == ()


@pytest.mark.parametrize(
    ("own", "shown"),
    [(frozenset({"rls", "venousinsufficiency"}), True), (frozenset({"iron"}), True), (frozenset(), True)],
)
def test_two_causes_by_answers_are_worth_a_card(own: frozenset[str], *, shown: bool) -> None:
    assert _view(veins=True, urge_to_move=True).is_worth_showing(own) is shown


def test_one_cause_with_a_card_of_its_own_is_not_said_again() -> None:
    assert not _view(urge_to_move=True, sleep="most-nights").is_worth_showing({"rls"})


def test_every_cause_has_a_feature_for_it() -> None:
    file = differential().file

    assert all(any(f.weights.get(topic, 0) > 0 for f in file.features.values()) for topic in file.causes)


def test_the_form_asks_each_question_once() -> None:
    links = [item.link for item in INTAKE.item]

    assert len(links) == len(set(links)) == 31


def test_nothing_is_weighed_in_a_child() -> None:
    told = _told(veins=True, new_activity=True)
    child = record_of(patient={**PATIENT, "birthDate": "2014-03-01"}).patient
    assert child is not None
    assert not _listed(differential().view(Chart(told.today, child, told.record, {})))


def test_nothing_is_weighed_in_palliative_care() -> None:
    palliative = active({"coding": [{"system": ICD, "code": "Z51.5"}]})
    assert not _listed(differential().view(_told(palliative, veins=True, new_activity=True)))
