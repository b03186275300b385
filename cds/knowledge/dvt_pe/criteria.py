"""Deep vein thrombosis of the leg and pulmonary embolism: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import cared_for, child, palliative, pregnant
from cds.knowledge.symptoms.criteria import ache, gate, leg_pain_scored, said, told
from cds.reasoning import (
    Criterion,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    aged,
    aged_answers,
    alarming,
    all_of,
    any_of,
    at_least,
    certain,
    charted,
    complains_of,
    done,
    drafting,
    ever_had,
    has,
    highest_of_latest_day,
    latest,
    not_,
    not_charted,
    ordered,
    stayed_in_hospital,
    taking,
    weak_alone,
)

k = Knowledge.beside(__file__)

lately, this_week = k.period("symptom_lookback"), k.period("this_week")
ONE_SIDE = ("left", "right")


def seen(name: str, *side: str, dated: bool = False) -> Criterion:
    """A sign of the leg in the chart, by code or words."""
    return alarming(complains_of(k.codes(name), within=lately, side=side, dated=dated))


# One leg. The side stands in the code, in its words, at its body site, or in the answers.

answered_side = told("side", *ONE_SIDE)
answered_swelling = told("swelling", "one-leg")
swelling_names = ("leg-swelling", "swelling-any-site", "dvt-pitting-oedema")


def one_sided_swelling(period: str, *, dated: bool) -> Criterion:
    """Swelling that the chart gives one side."""

    def found(name: str, *side: str) -> Criterion:
        return alarming(complains_of(k.codes(name), within=k.period(period), side=side, dated=dated))

    sided = (found(name, *ONE_SIDE) for name in swelling_names)
    return any_of(found("leg-swelling-one-sided"), *sided, found("dvt-whole-leg-swelling"))


any_swelling = any_of(*(seen(name) for name in swelling_names))
both_swollen = any_of(said("swelling", "both-legs"), complains_of(k.codes("leg-swelling-both-sided"), within=lately))
# An answer is newer than a record from before any answer that still counts.
answered_otherwise = all_of(said("swelling", "none", "both-legs"), not_(one_sided_swelling("answers", dated=True)))
swollen = any_of(
    answered_swelling,
    all_of(one_sided_swelling("symptom_lookback", dated=False), not_(affirmed(answered_otherwise))),
    all_of(any_swelling, answered_side, not_(affirmed(both_swollen)), not_(affirmed(answered_otherwise))),
)
left_coded, right_coded = seen("dvt-left-leg"), seen("dvt-right-leg")


def pain_this_week(side: str, coded_name: str) -> Criterion:
    """Pain of that leg, dated this week."""
    coded = all_of(ache, complains_of(k.codes(coded_name), within=this_week, dated=True))
    return any_of(coded, complains_of(k.codes("leg-ache"), within=this_week, side=(side,), dated=True))


both_painful = all_of(pain_this_week("left", "dvt-left-leg"), pain_this_week("right", "dvt-right-leg"))
one_sided_pain = any_of(
    all_of(seen("leg-ache", *ONE_SIDE), not_(affirmed(both_painful))),
    all_of(alarming(ache), any_of(left_coded, right_coded), not_(affirmed(both_painful))),
    all_of(any_of(alarming(ache), leg_pain_scored, told("leg-symptom")), answered_side),
)
tender = any_of(told("calf-tender"), seen("dvt-calf-tenderness"))
calf_difference = k.threshold("calf_difference")
calf = highest_of_latest_day(k.codes("calf-circumference"), within=this_week)
calf_larger = alarming(calf.sides_differ_by(calf_difference))
larger = any_of(swollen, calf_larger)
leg_signs = any_of(larger, all_of(one_sided_pain, tender))

left = any_of(told("side", "left"), left_coded, *(seen(name, "left") for name in (*swelling_names, "leg-ache")))
right = any_of(told("side", "right"), right_coded, *(seen(name, "right") for name in (*swelling_names, "leg-ache")))
only_left = all_of(left, not_(affirmed(right)))
only_right = all_of(right, not_(affirmed(left)))

# How long: an old swelling that has not changed is no emergency, and one without a date may be old.

long_enough = k.period("old")
began_lately = said("onset", "within-24h", "days-1-14", "weeks-2-6")
dated_long_ago = any_of(
    *(has(k.codes(name)).for_at_least(long_enough) for name in ("leg-swelling-one-sided", *swelling_names))
)
pain_dated_long_ago = has(k.codes("leg-ache")).for_at_least(long_enough)
unchanged = not_(affirmed(any_of(began_lately, said("trend", "worse"))))
old_swelling = all_of(any_of(said("onset", "over-6-weeks"), all_of(swollen, dated_long_ago)), unchanged)
old_pain = all_of(not_(affirmed(any_of(larger, answered_side))), pain_dated_long_ago, unchanged)
old_signs = any_of(old_swelling, old_pain)
dated_sign = any_of(
    answered_swelling,
    answered_side,
    told("calf-tender"),
    one_sided_swelling("symptom_lookback", dated=True),
    calf_larger,
    seen("leg-ache", *ONE_SIDE, dated=True),
    seen("dvt-left-leg", dated=True),
    seen("dvt-right-leg", dated=True),
)
undated = not_(affirmed(certain(dated_sign)))

# Wells' items, two-level score. What is not charted counts nothing; the clinician's own item is never counted.

six_months, twelve_weeks = k.period("cancer"), k.period("operation")
cancer = has(k.codes("dvt-cancer"))
active_cancer = any_of(
    alarming(has(k.codes("dvt-cancer"), within=six_months, dated=True)),
    alarming(all_of(cancer, palliative)),
    alarming(complains_of(k.codes("dvt-cancer-treatment"), within=six_months, dated=True)),
    done(k.codes("dvt-cancer-treatment"), within=six_months),
    taking(k.codes("dvt-cancer-drug"), given_within=six_months),
)
paralysed = any_of(alarming(has(k.codes("dvt-paralysis"))), done(k.codes("dvt-cast"), within=twelve_weeks))
laid_up = any_of(
    told("immobile"),
    done(k.codes("dvt-major-surgery"), within=twelve_weeks),
    stayed_in_hospital(k.period("bed_rest"), within=k.period("discharge")),
    alarming(has(k.codes("dvt-bedridden"))),
)
pitting = seen("dvt-pitting-oedema", *ONE_SIDE)
thrombosis = has(k.codes("dvt-diagnosis"))
previous_thrombosis = alarming(
    any_of(
        ever_had(k.codes("dvt-past")),
        all_of(ever_had(k.codes("dvt-diagnosis")), not_(thrombosis)),
        thrombosis.for_at_least(k.period("past")),
    )
)
wells = (
    all_of(active_cancer).called("active cancer"),
    all_of(paralysed).called("paralysis or leg cast"),
    all_of(laid_up).called("bed rest or major surgery"),
    all_of(tender).called("tender deep veins"),
    # One report counts once: a whole leg counts besides only where another report says that one leg is swollen.
    all_of(swollen).called("one-sided swelling"),
    all_of(seen("dvt-whole-leg-swelling"), any_of(answered_swelling, pitting)).called("whole leg swollen"),
    all_of(calf_larger).called(f"calf larger by {calf_difference} or more"),
    seen("dvt-collateral-veins").called("collateral veins"),
    all_of(previous_thrombosis).called("previous deep vein thrombosis"),
)  # fmt: skip
enough = at_least(int(k.threshold("likely").value), *wells)
likely = all_of(leg_signs, enough)
unlikely = all_of(larger, not_(affirmed(enough)))

# Who was just pregnant is so still; Wells' score was not made for either.

expecting = any_of(
    alarming(pregnant),
    alarming(ever_had(k.codes("pregnancy"), within=k.period("puerperium"))),
    done(k.codes("dvt-postpartum"), within=k.period("puerperium")),
    alarming(complains_of(k.codes("dvt-postpartum"), within=k.period("puerperium"), dated=True)),
)
expecting_with_signs = all_of(expecting, any_of(larger, one_sided_pain))

# What is known or under way already.

imaged = any_of(
    done(k.codes("dvt-duplex"), within=this_week),
    all_of(done(k.codes("dvt-duplex-left"), within=this_week), not_(affirmed(only_right))),
    all_of(done(k.codes("dvt-duplex-right"), within=this_week), not_(affirmed(only_left))),
)


def imaging_ordered(*, urgent: bool) -> Criterion:
    """Imaging of the leg is ordered or, as its order says, done."""

    def asked(name: str) -> Criterion:
        return ordered(k.codes(name), within=this_week, completed=True, urgent=urgent)

    return any_of(
        asked("dvt-duplex"),
        all_of(asked("dvt-duplex-left"), not_(affirmed(only_right))),
        all_of(asked("dvt-duplex-right"), not_(affirmed(only_left))),
    )


imaging_settled = any_of(imaged, imaging_ordered(urgent=True))
new_diagnosis = k.period("new_diagnosis")
anticoagulant = taking(k.codes("anticoagulant"))
anticoagulated = any_of(anticoagulant, has(k.codes("dvt-anticoagulated")))
anticoagulated_for_long = any_of(
    anticoagulant.for_at_least(k.period("anticoagulated_for_long")), has(k.codes("dvt-anticoagulated"))
)
thrombosis_treated = all_of(
    has(k.codes("dvt-diagnosis"), confirmed=True, within=new_diagnosis, dated=True), anticoagulated
)
attended = any_of(imaging_settled, thrombosis_treated)
new_despite_treatment = said("onset", "within-24h", "days-1-14")

d_dimer = latest(k.codes("d-dimer"), within=this_week)
d_dimer_fresh = d_dimer.taken_within(this_week)
d_dimer_positive = all_of(d_dimer.above_own_range(), d_dimer_fresh)
d_dimer_negative = all_of(d_dimer.known(), d_dimer.within_own_range(), d_dimer_fresh)

# The lungs.

chest = k.codes("chest-pain-or-breathlessness")
chest_answered = told("chest-breath")
chest_dated = alarming(complains_of(chest, within=this_week, dated=True))
chest_as_reason = all_of(alarming(complains_of(chest, within=this_week)), not_(has(chest, within=this_week)))
chest_pain = complains_of(k.codes("dvt-chest-pain"), within=this_week, dated=True)
saturation = latest(k.codes("oxygen-saturation"), within=this_week)
desaturated = alarming(all_of(saturation.below(k.threshold("saturation")), saturation.taken_within(this_week)))
heart_rate = latest(k.codes("heart-rate"), within=this_week)
racing = all_of(heart_rate.above(k.threshold("heart_rate")), heart_rate.taken_within(this_week), leg_signs)
embolism_signs = any_of(chest_answered, chest_dated, chest_as_reason, desaturated, racing)
short_of_breath_for_years = all_of(
    any_of(has(k.codes("heart-failure")), has(k.codes("dvt-lung-disease"))),
    not_(affirmed(any_of(chest_answered, chest_pain, desaturated, racing, leg_signs, said("trend", "worse")))),
)
embolism = k.codes("dvt-pulmonary-embolism")
embolism_treated = all_of(
    anticoagulated,
    any_of(
        has(embolism, confirmed=True, within=this_week, dated=True),
        all_of(
            has(embolism, confirmed=True, within=new_diagnosis, dated=True),
            not_(affirmed(any_of(chest_answered, chest_dated, chest_as_reason, said("trend", "worse")))),
        ),
    ),
)

# What a clinician wants to see beside it.

hormones = any_of(
    taking(k.codes("oestrogen")), taking(k.codes("oestrogen-receptor-modulator")), has(k.codes("dvt-hormone-use"))
)
risk = any_of(
    hormones,
    has(k.codes("dvt-thrombophilia")),
    ever_had(k.codes("dvt-past-pulmonary-embolism")),
)
egfr = latest(k.codes("egfr"), within=k.period("kidney_lookback"))
beside = {"risk": risk, "kidneys": egfr.known(), "anticoagulant": anticoagulated}
duplex_of_the_side = {
    "dvt-duplex-left": only_left,
    "dvt-duplex-right": only_right,
    "dvt-duplex-bilateral": not_(any_of(affirmed(only_left), affirmed(only_right))),
}


def cautions(found: Criterion, *without: str) -> dict[str, Criterion]:
    """Give the notes on how a red flag was found, and in whom."""
    notes = {"in-words": weak_alone(found), "child": child, "goals": palliative}
    return {name: note for name, note in notes.items() if name not in without}


# Where fresh answers do not suffice, what there is to do is to ask again.

embolism_aged, likely_aged = aged_answers(embolism_signs), aged_answers(likely)
expecting_aged = aged_answers(expecting_with_signs)
likely_elsewhere = any_of(child, affirmed(expecting), attended, anticoagulated_for_long)


told_only = weak_alone(any_of(likely, expecting_with_signs))
feared = any_of(all_of(likely, not_(affirmed(child))), expecting_with_signs)
thought_of = any_of(feared, all_of(any_of(likely, unlikely), not_(affirmed(any_of(old_swelling, d_dimer_negative)))))

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    context=any_of(gate, told("calf-tender"), larger),
    mutes=palliative,
    shows={
        "charted": charted(*wells),
        "not_charted": not_charted(*wells),
        "risk": risk,
        "egfr": egfr,
        "d_dimer": d_dimer,
    },
    recommends=(
        Recommendation(
            name="embolism-signs",
            when=embolism_signs,
            unless=any_of(affirmed(embolism_aged), embolism_treated),
            caps=(("warning", weak_alone(embolism_signs)), ("warning", short_of_breath_for_years)),
            notes=cautions(embolism_signs)
            | {
                "leg-signs": leg_signs,
                "long-standing": short_of_breath_for_years,
                "pregnant": expecting,
                "risk": risk,
                "anticoagulant": anticoagulated,
            },
        ),
        Recommendation(
            name="embolism-signs-ask-again",
            when=embolism_aged,
            unless=embolism_treated,
            notes={"child": child, "leg-signs": leg_signs},
        ),
        Recommendation(
            name="thrombosis-likely",
            when=likely,
            unless=any_of(affirmed(likely_aged), likely_elsewhere),
            caps=(("warning", old_swelling), ("warning", undated), ("warning", weak_alone(likely))),
            notes=cautions(likely, "child") | beside | {"old": old_swelling, "undated": undated},
            only=duplex_of_the_side,
        ),
        Recommendation(
            name="thrombosis-likely-ask-again",
            when=likely_aged,
            unless=likely_elsewhere,
            notes={"risk": risk},
        ),
        Recommendation(
            name="thrombosis-in-pregnancy",
            when=expecting_with_signs,
            unless=any_of(affirmed(expecting_aged), attended),
            caps=(
                ("warning", old_signs),
                ("warning", undated),
                ("warning", weak_alone(any_of(larger, one_sided_pain))),
            ),
            notes=cautions(any_of(larger, one_sided_pain))
            | {"left": left, "anticoagulant": anticoagulated, "old": old_signs, "undated": undated},
            only=duplex_of_the_side,
        ),
        Recommendation(
            name="thrombosis-in-pregnancy-ask-again",
            when=expecting_aged,
            unless=attended,
            notes={"child": child},
        ),
        Recommendation(
            name="thrombosis-on-anticoagulant",
            when=all_of(likely, anticoagulated_for_long),
            unless=any_of(
                child,
                affirmed(expecting),
                imaging_settled,
                all_of(thrombosis_treated, not_(affirmed(new_despite_treatment))),
            ),
            notes=cautions(likely, "child", "goals")
            | {"ask-again": likely_aged, "risk": risk, "kidneys": egfr.known()},
            only=duplex_of_the_side,
        ),
        Recommendation(
            name="thrombosis-unlikely",
            when=any_of(unlikely, all_of(likely, child)),
            unless=any_of(affirmed(expecting), d_dimer_negative, affirmed(d_dimer_positive), attended),
            notes=cautions(larger, "goals")
            | beside
            | {"ask-again": aged_answers(larger), "age-adjusted": aged(k.threshold("age_adjusted"))},
            only={"d-dimer": not_(affirmed(child))},
        ),
        Recommendation(
            name="positive-d-dimer",
            when=d_dimer_positive,
            unless=any_of(
                imaged,
                imaging_ordered(urgent=False),
                affirmed(feared),
                thrombosis_treated,
            ),
            notes={
                "age-adjusted": aged(k.threshold("age_adjusted")),
                "child": child,
                "pregnant": expecting,
                "anticoagulant": anticoagulated,
            },
            only=duplex_of_the_side,
        ),
        Recommendation(
            name="compression-before-diagnosis",
            order=drafting(k.codes("compression-order")),
            when=thought_of,
            unless=any_of(imaged, thrombosis_treated),
            raises=(("critical", all_of(feared, not_(affirmed(any_of(old_signs, undated, told_only))))),),
            notes={"child": child, "goals": palliative},
        ),
    ),
)
