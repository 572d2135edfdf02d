"""Makes study.json: an invented trial with some defects. Same seed, same bytes. Usage: python3 generate.py"""

import json
import random
from datetime import date, timedelta
from pathlib import Path

R = random.Random(20260101)
ARMS = ["Placebo", "Lumorexin 10 mg", "Lumorexin 20 mg"]
N = 96
SITES = ["Northgate", "Elmfield", "Harbour View", "Stonebridge"]
AES = [
    ("NERVOUS SYSTEM DISORDERS", "HEADACHE", [0.14, 0.20, 0.24]),
    ("NERVOUS SYSTEM DISORDERS", "SOMNOLENCE", [0.05, 0.15, 0.26]),
    ("GASTROINTESTINAL DISORDERS", "NAUSEA", [0.09, 0.12, 0.15]),
    ("GASTROINTESTINAL DISORDERS", "DRY MOUTH", [0.03, 0.08, 0.13]),
    ("INFECTIONS AND INFESTATIONS", "NASOPHARYNGITIS", [0.12, 0.11, 0.12]),
    ("SKIN AND SUBCUTANEOUS TISSUE DISORDERS", "RASH", [0.02, 0.05, 0.06]),
    ("CARDIAC DISORDERS", "PALPITATIONS", [0.02, 0.03, 0.05]),
]
REASONS = ["Adverse event", "Lost to follow-up", "Withdrawal by subject", "Lack of efficacy"]
VISITS = [("Baseline", 1), ("Week 4", 28), ("Week 8", 56), ("Week 12", 84)]

subjects, visits, events, labs = [], [], [], []
for k in range(N):
    arm = k % 3
    sid = f"LUM-{1 + k % 4:02d}-{1001 + 7 * k}"
    start = date(2024, 2, 1) + timedelta(days=R.randrange(200))
    completed = R.random() > 0.15
    last = 84 if completed else R.randrange(8, 80)
    isi = round(min(28, max(12, R.gauss(20, 3))))
    change = None if not completed and R.random() < 0.5 else round(R.gauss([-4.0, -6.0, -7.5][arm], 3.5), 1)
    time = R.expovariate([0.010, 0.016, 0.021][arm])
    reason = "Completed" if completed else R.choice(REASONS)
    subjects.append({
        "subject_id": sid,
        "site": SITES[k % 4],
        "arm": ARMS[arm],
        "age": R.randrange(22, 78),
        "sex": R.choice("FM"),
        "race": R.choices(["WHITE", "ASIAN", "BLACK OR AFRICAN AMERICAN", "OTHER"], [6, 2, 2, 1])[0],
        "consent_date": str(start - timedelta(days=R.randrange(3, 15))),
        "treatment_start": str(start),
        "treatment_end": str(start + timedelta(days=last - 1)),
        "completed": completed,
        "death": False,
        "discontinuation_reason": reason,
        "populations": {"itt": True, "safety": True, "per_protocol": completed},
        "baseline": {
            "bmi": round(R.gauss(26, 4), 1),
            "isi": isi,
            "duration_months": round(R.expovariate(1 / 40) + 3, 1),
            "comorbidities": R.sample(["Hypertension", "Asthma", "Depression", "Diabetes"], R.choice([0, 0, 1, 1, 2])),
        },
        "endpoints": {
            "isi_change_w12": change,
            "responder_w12": None if change is None else change <= -7,
            "global_impression_w12": None if change is None else min(7, max(1, round(R.gauss([3.6, 3.0, 2.7][arm], 1)))),
        },
        "events": {"first_response": {"time": round(min(time, last), 0) or 1, "event": time <= last}},
    })
    for name, day in VISITS:
        if day <= last:
            at = day + (0 if day == 1 else R.randrange(-3, 4))
            value = isi if day == 1 else round(isi + (change if change is not None else -2) * day / 84)
            visits.append({"subject_id": sid, "assessment": "ISI", "visit": name, "day": at,
                           "date": str(start + timedelta(days=at - 1)), "value": value})
    for soc, pt, p in AES:
        if R.random() < p[arm]:
            begin = R.randrange(1, last)
            end = None if R.random() < 0.2 else begin + R.randrange(0, 20)
            serious = R.random() < 0.03
            events.append({"subject_id": sid, "soc": soc, "pt": pt,
                           "severity": R.choices(["MILD", "MODERATE", "SEVERE"], [6, 3, 1])[0], "serious": serious,
                           "related": R.random() < 0.4, "start_day": begin, "end_day": end, "treatment_emergent": True,
                           "fatal": False, "outcome": "RECOVERED" if end else "NOT RECOVERED", "action": "NONE"})
    for visit, day in (("Baseline", -2), ("Week 12", last)):
        for test, mean, sd, low, high in (("ALT", 24, 8, 7, 45), ("CREAT", 75, 14, 45, 110)):
            value = round(max(3, R.gauss(mean, sd)), 1)
            grade = 0 if value <= high else 1
            labs.append([sid, test, visit, day, value, low, high, None, grade])

# Defects. All people and numbers are invented.
subjects[4]["age"] = 212
subjects[9]["sex"] = "female"
subjects[13]["baseline"]["bmi"] = "27,4"
subjects[17]["age"] = None
subjects[22]["treatment_end"] = str(date.fromisoformat(subjects[22]["treatment_start"]) - timedelta(days=9))
subjects[30]["arm"] = "Lumorexin 40 mg"
subjects[33]["discontinuation_reason"] = "Withdrawal by subject, reachable at tova.quist@example.org or +1 555 010 7788"
subjects[33]["completed"] = False
subjects[41]["patient_name"] = "Tova Quist"
subjects[41]["date_of_birth"] = "1961-05-17"
subjects[52]["completed"] = "Y"
subjects[60]["age"] = 91
subjects.append(dict(subjects[7], age=subjects[7]["age"] + 1))
events.append(dict(events[3]))
events.append(dict(events[5], subject_id="LUM-99-9999"))
events[8]["end_day"] = events[8]["start_day"] - 4
events[11]["start_day"] = None
labs[6][4] = 9999
labs[15][4] = None
labs.append(list(labs[20]))
next(v for v in visits if v["visit"] == "Week 8")["day"] = 140

protocol = {
    "study_id": "LUM-201",
    "title": "Lumorexin for chronic insomnia: an invented sample trial",
    "phase": "2",
    "design": "randomised, double-blind, placebo-controlled, parallel-group, 12 weeks",
    "indication": "Chronic insomnia",
    "arms": ARMS,
    "reference_arm": "Placebo",
    "alpha": 0.05,
    "confidence_level": 0.95,
    "populations": {"baseline": "itt", "efficacy": "itt", "time_to_event": "itt", "safety": "safety"},
    "table1": {"continuous": ["age", "baseline.bmi", "baseline.isi", "baseline.duration_months"], "categorical": ["sex", "race"]},
    "endpoints": {
        "primary": {"id": "isi_change_w12", "type": "continuous", "label": "Change in ISI at week 12",
                    "direction": "lower_is_better", "baseline_field": "baseline.isi"},
        "secondary": [
            {"id": "responder_w12", "type": "binary", "label": "Fall of ISI by 7 or more", "direction": "higher_is_better"},
            {"id": "global_impression_w12", "type": "ordinal", "label": "Global impression at week 12",
             "direction": "lower_is_better"},
        ],
        "time_to_event": [{"id": "first_response", "label": "Time to first response", "unit": "days",
                           "times": [14, 28, 56, 84], "rmst_tau": 84, "covariates": ["age", "sex", "baseline.isi"]}],
    },
    "subgroups": [{"id": "sex", "field": "sex"}, {"id": "age_group", "field": "age", "cut_points": [50]}],
    "required_fields": ["subject_id", "arm", "age", "sex", "treatment_start", "treatment_end", "baseline.bmi", "baseline.isi",
                        "endpoints.isi_change_w12"],
    "ranges": {"age": [18, 85], "baseline.bmi": [14, 60], "baseline.isi": [8, 28], "endpoints.isi_change_w12": [-28, 28]},
    "lab_ranges": {"ALT": [1, 2000], "CREAT": [10, 2000]},
    "visit_windows": [{"visit": "Week 4", "target_day": 28, "low": 21, "high": 35},
                      {"visit": "Week 8", "target_day": 56, "low": 49, "high": 63},
                      {"visit": "Week 12", "target_day": 84, "low": 77, "high": 98}],
    "date_order": [["consent_date", "treatment_start"], ["treatment_start", "treatment_end"]],
    "ae": {"analysis_set": "treatment_emergent", "signal": {"prr_min": 2, "chi2_min": 4, "min_reports": 3}},
}
study = {
    "study_id": "LUM-201-SAMPLE",
    "subjects": subjects,
    "visits": visits,
    "adverse_events": events,
    "lab_tests": {"ALT": "Alanine aminotransferase (U/L)", "CREAT": "Creatinine (umol/L)"},
    "labs": {"columns": ["subject_id", "test", "visit", "day", "value", "low", "high", "grade_low", "grade_high"], "rows": labs},
}
text = json.dumps({"study_data": study, "protocol": protocol}, ensure_ascii=False, separators=(",", ":"))
text = text.replace('},{"', '},\n{"').replace("],[", "],\n[")
Path(__file__).with_name("study.json").write_text(text + "\n", encoding="utf-8")
