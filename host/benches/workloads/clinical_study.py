"""Makes a large invented trial as clinical_research reads it. Same arguments, same bytes.

Usage: python3 clinical_study.py OUT.json [--subjects 100000]

Two arms; five covariates; one continuous, one ordinal, one binary and one time-to-event endpoint; per subject two visits, three
adverse events on average and a dozen laboratory values. Tables are lists of rows under names of columns, which keeps 100,000
subjects below the 96 MiB that the workflow accepts. No person and no result in it is real.
"""

import argparse
import json
import math
import random
from datetime import date, timedelta

ARMS = ["Placebo", "Drug"]
SITES = 40
LEVELS = {"sex": "FM", "stage": ["I", "II", "III", "IV"]}
RACES = ["ASIAN", "BLACK OR AFRICAN AMERICAN", "OTHER", "WHITE"]
CLASSES = ["CARDIAC DISORDERS", "EYE DISORDERS", "GENERAL DISORDERS", "INFECTIONS", "NERVOUS SYSTEM DISORDERS",
           "SKIN DISORDERS", "GASTROINTESTINAL DISORDERS", "VASCULAR DISORDERS", "PSYCHIATRIC DISORDERS", "INVESTIGATIONS"]
TERMS = 200
# Code, mean, SD, lower and upper limit of normal.
TESTS = [("ALT", 24, 9, 7, 45), ("AST", 25, 8, 8, 40), ("BILI", 10, 4, 3, 20), ("CREAT", 75, 14, 45, 110),
         ("HGB", 8.7, 0.9, 7.4, 11), ("GLUC", 5.4, 0.9, 3.9, 7.8)]
REASONS = ["Adverse event", "Lost to follow-up", "Withdrawal by subject"]
FOLLOW_UP = 365


def grade(value, low, high):
    """Grades of the low and of the high direction, by multiples of the limits."""
    over, under = value / high, value / low
    return (sum(under < cut for cut in (1, 0.8, 0.65, 0.5)), sum(over > cut for cut in (1, 1.5, 2, 3)))


def study(n):
    r = random.Random(20260101)
    start = date(2024, 1, 1)
    days = [str(start + timedelta(days=d)) for d in range(FOLLOW_UP * 2)]
    subjects, visits, events, labs = [], [], [], []
    for k in range(n):
        arm = k % 2
        sid = f"P{k:06d}"
        age, sex = r.randrange(35, 85), r.choice(LEVELS["sex"])
        stage = r.choices(LEVELS["stage"], [4, 3, 2, 1])[0]
        bmi, score = round(r.gauss(26, 4), 1), round(min(60, max(5, r.gauss(24, 8))))
        risk = (-0.3 * arm + 0.02 * (age - 60) + 0.25 * LEVELS["stage"].index(stage) + 0.01 * (score - 24)
                + 0.15 * (sex == "M") + 0.01 * (bmi - 26))
        at = r.expovariate(0.0018 * math.exp(risk))
        end = FOLLOW_UP if r.random() < 0.7 else r.randrange(20, FOLLOW_UP)
        time, event = max(1, math.ceil(min(at, end))), at <= end
        completed = end == FOLLOW_UP
        change = None if r.random() < 0.08 else round(r.gauss(-2 - 1.5 * arm + 0.1 * (score - 24), 6), 1)
        begin = r.randrange(FOLLOW_UP)
        subjects.append([
            sid, f"N{k % SITES}", ARMS[arm], age if r.random() > 0.002 else None, sex,
            r.choices(RACES, [2, 2, 1, 6])[0], days[begin], days[begin + end - 1], completed, r.random() < 0.01,
            "Completed" if completed else r.choice(REASONS), True, r.random() < 0.99, bmi, score, stage, change,
            None if change is None else min(7, max(1, round(r.gauss(3.8 - 0.4 * arm, 1.1)))),
            None if change is None else change <= -4, time, event,
        ])
        for name, day in (("BL", 1), ("W24", 168)):
            if day <= end:
                visits.append([sid, "SCORE", name, day + (day > 1) * r.randrange(-5, 6), score + (day > 1) * round(change or 0)])
        for _ in range(r.choices(range(9), [4, 12, 22, 28, 18, 9, 4, 2, 1])[0]):
            # Some terms are much more frequent than others, and two come with the drug.
            term = int(TERMS * r.random() ** 3)
            if arm and r.random() < 0.05:
                term = 150 + r.randrange(2)
            first = r.randrange(1, end)
            events.append([sid, CLASSES[term % len(CLASSES)], f"TERM {term:03d}", r.choices(["MILD", "MODERATE", "SEVERE"], [6, 3, 1])[0],
                           r.random() < 0.04, r.random() < 0.4, first, first + r.randrange(20), r.random() < 0.95, r.random() < 0.002])
        for test, mean, sd, low, high in TESTS:
            for visit, day in (("BL", -2), ("W24", min(end, 168))):
                value = round(max(mean / 4, r.gauss(mean, sd)), 1)
                if r.random() < 0.02:
                    value = round(value * 2.5, 1)
                labs.append([sid, test, visit, day, value, low, high, *grade(value, low, high)])

    def table(columns, rows):
        return {"columns": columns.split(), "rows": rows}

    return {
        "study_data": {
            "study_id": "LARGE",
            "subjects": table(
                "subject_id site arm age sex race treatment_start treatment_end completed death discontinuation_reason populations.itt "
                "populations.safety baseline.bmi baseline.score baseline.stage endpoints.change endpoints.impression endpoints.responder "
                "events.relapse.time events.relapse.event", subjects),
            "visits": table("subject_id assessment visit day value", visits),
            "adverse_events": table(
                "subject_id soc pt severity serious related start_day end_day treatment_emergent fatal", events),
            "lab_tests": {"ALT": "Alanine aminotransferase (U/L)", "BILI": "Bilirubin (umol/L)"},
            "labs": table("subject_id test visit day value low high grade_low grade_high", labs),
        },
        "protocol": {
            "study_id": "LARGE", "title": "A large invented trial", "phase": "3",
            "design": "randomised, double-blind, placebo-controlled, parallel-group", "indication": "None",
            "arms": ARMS, "reference_arm": ARMS[0], "alpha": 0.05, "confidence_level": 0.95,
            "populations": {"baseline": "itt", "efficacy": "itt", "time_to_event": "itt", "safety": "safety"},
            "table1": {"continuous": ["age", "baseline.bmi", "baseline.score"], "categorical": ["sex", "race", "baseline.stage"]},
            "endpoints": {
                "primary": {"id": "change", "type": "continuous", "direction": "lower_is_better", "baseline_field": "baseline.score"},
                "secondary": [{"id": "impression", "type": "ordinal", "direction": "lower_is_better"},
                              {"id": "responder", "type": "binary", "direction": "higher_is_better"}],
                "time_to_event": [{"id": "relapse", "unit": "days", "times": [30, 90, 180, 270, 365], "rmst_tau": 365,
                                   "covariates": ["age", "sex", "baseline.bmi", "baseline.score", "baseline.stage"]}],
            },
            "subgroups": [{"id": "sex", "field": "sex"}, {"id": "age_group", "field": "age", "cut_points": [65]},
                          {"id": "stage", "field": "baseline.stage"}],
            "required_fields": ["subject_id", "arm", "age", "sex", "baseline.bmi", "baseline.score", "endpoints.change"],
            "ranges": {"age": [18, 100], "baseline.bmi": [12, 60], "baseline.score": [0, 60]},
            "lab_ranges": {"ALT": [1, 2000], "CREAT": [10, 2000]},
            "visit_windows": [{"visit": "W24", "target_day": 168, "low": 160, "high": 176}],
            "date_order": [["treatment_start", "treatment_end"]],
            "ae": {"analysis_set": "treatment_emergent", "signal": {"prr_min": 2, "chi2_min": 4, "min_reports": 3}},
        },
    }


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out")
    arguments.add_argument("--subjects", type=int, default=100_000)
    given = arguments.parse_args()
    with open(given.out, "w", encoding="utf-8") as out:
        out.write(json.dumps(study(given.subjects), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
