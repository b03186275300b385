"""The differential: when a chart shows each of the features that features.toml weighs."""

from cds.knowledge.diabetic_neuropathy.criteria import neuropathy_on_record
from cds.knowledge.osteoarthritis.criteria import diagnosed as osteoarthritis_on_record
from cds.knowledge.overuse_positional.criteria import may_be_worse
from cds.knowledge.pad.criteria import abnormal, dated, diagnosed, loosely_coded, risk_group, tissue_loss, unremarkable
from cds.knowledge.patient.criteria import child, diabetes, palliative
from cds.knowledge.radiculopathy.criteria import diagnosed as sciatica_on_record
from cds.knowledge.symptoms.criteria import (
    cramp_on_record,
    gate,
    heavy,
    restless_legs_diagnosed,
    said,
    sleep_loss,
    urge,
)
from cds.knowledge.venous_insufficiency.criteria import duplex, risk, vein_disease
from cds.reasoning import Differential, Knowledge, aged, all_of, any_of, ever_had, has, not_, taking

k = Knowledge.beside(__file__)

DIFFERENTIAL = Differential(
    k,
    context=gate,
    mutes=any_of(child, palliative),
    features={
        # What the patient tells
        "dangling-relieves": said("better-when", "dangling"),
        "raised-relieves": said("better-when", "legs-raised"),
        "raised-worsens": said("worse-when", "legs-raised"),
        "moving-relieves": said("better-when", "moving"),
        "urge": urge,
        "at-night": said("worse-when", "night"),
        "hard-knot": said("cramp"),
        "walking-standing-relieves": all_of(said("walk-pain"), said("walk-relief", "within-10-min")),
        "walking-sitting-relieves": all_of(said("walk-pain"), said("walk-relief", "only-sitting")),
        "radiating": said("back-radiation"),
        "both-feet": any_of(said("numbness", "both-feet"), has(k.codes("burning-feet"))),
        "standing-heavy": any_of(said("worse-when", "standing-long"), heavy),
        "veins-skin": any_of(said("veins"), said("skin", "brown-itchy")),
        "wound": any_of(said("skin", "wound-2-weeks", "black"), tissue_loss),
        "joint": all_of(
            said("joint", "hip", "knee"),
            said("worse-when", "walking", "after-exercise"),
            said("stiff", "none", "up-to-30"),
        ),
        "new-activity": all_of(said("new-activity"), not_(may_be_worse)),
        # What is on record
        "artery-disease": any_of(diagnosed, loosely_coded),
        "vein-disease": vein_disease,
        "restless-legs": restless_legs_diagnosed,
        "cramps": cramp_on_record,
        "nerve-root": sciatica_on_record,
        "joint-disease": osteoarthritis_on_record,
        "neuropathy": neuropathy_on_record,
        # Whom it is likelier in
        "artery-risk": risk_group,
        "artery-risk-high": any_of(diabetes, ever_had(k.codes("atherosclerosis-elsewhere"))),
        "vein-risk": risk,
        "cramp-drug": any_of(taking(k.codes("cramp-beta-agonist")), taking(k.codes("cramp-other"))),
        "joint-age": aged(k.threshold("joint_age")),
        "diabetes": diabetes,
        # What was examined
        "index-abnormal": abnormal,
        "index-normal": all_of(dated, unremarkable),
        "duplex-done": duplex,
    },
    severity={"sleep": any_of(said("sleep", "most-nights"), sleep_loss), "persistent": said("trend", "worse")},
)
