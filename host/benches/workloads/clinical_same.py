"""Whether clinical_research and clinical_peer.py found the same figures, so that their times may be compared.

Usage: python3 clinical_same.py RESULTS.json FOLDER   (of clinical_peer.py --results, and of `heddle run --out`)

Prints how many figures were compared and the largest relative difference; fails where one is beyond its tolerance. The study is
that of clinical_study.py. The rank test of proportional hazards is left out: that of lifelines depends on the order of tied
rows.
"""

import json
import sys
from pathlib import Path

ARMS = ["Placebo", "Drug"]


class Comparison:
    def __init__(self):
        self.n, self.worst, self.wrong = 0, (0.0, ""), []

    def same(self, what, a, b, tolerance=1e-6):
        self.n += 1
        difference = 0.0 if a == b else abs(a - b) / max(abs(a), abs(b))
        # A p-value below 1e-8 says that it is small.
        if 0 <= a < 1e-8 and 0 <= b < 1e-8:
            return
        self.worst = max(self.worst, (difference, what))
        if difference > tolerance:
            self.wrong.append(f"{what}: {a} in Python, {b} in the workflow")

    def all(self, what, pairs, tolerance=1e-6):
        for at, (a, b) in enumerate(pairs):
            self.same(f"{what} {at}", a, b, tolerance)


def table1(c, python, ours):
    for field, p in python.items():
        if field in ours["continuous"]:
            o = ours["continuous"][field]
            for group, of in [("overall", o["overall"]), *((arm, o["by_arm"][arm]) for arm in ARMS)]:
                c.all(f"{field} {group}", [(p[group][k], of[k]) for k in ("n", "mean", "sd", "median", "q1", "q3", "min", "max")])
            c.all(field, [(p["anova"], o["anova_p"]), (p["kruskal"], o["kruskal_p"]), (p["smd"], o["smd_vs_reference"]["Drug"])])
        else:
            o = ours["categorical"][field]
            c.all(field, [(p["chi2"], o["chi2"]), (p["p"], o["chi2_p"]), (p["smd"], o["smd_vs_reference"]["Drug"])])


def at_visits(c, python, ours):
    p, o = python["change"], ours["change"]["vs_reference"]["Drug"]
    for test in ("welch", "student"):
        c.all(test, zip(p[test], [o[test]["t"], o[test]["p"], *o[test]["ci"]]))
    c.all("change", [(p["mann_whitney"][1], o["mann_whitney"]["p_asymptotic_continuity"]), (p["d"], o["cohens_d"]),
                     (p["g"], o["hedges_g"]), (p["cliff"], o["cliffs_delta"])])
    effect = ours["change"]["ancova"]["effects"]["Drug"]
    c.all("ancova", [(p["ancova"]["b"][2], effect["adjusted_difference"]), (p["ancova"]["se"][2], effect["se"])])
    p, o = python["responder"], ours["responder"]["vs_reference"]["Drug"]
    c.all("responder", [(p["rd"], o["risk_difference"]), (p["rr"], o["risk_ratio"]), (p["or"], o["odds_ratio"]), (p["fisher"], o["fisher_p"]),
                        (p["chi2"], o["chi2_p"]), (p["yates"], o["chi2_yates_p"]), *zip(p["newcombe"], o["rd_ci_newcombe"]), *zip(p["rr_ci"], o["rr_ci"])])


def survival(c, p, o):
    c.same("log-rank", p["log-rank"], o["logrank_vs_reference"]["Drug"]["p"], 1e-5)
    c.same("Gehan", p["wilcoxon"], o["logrank_vs_reference"]["Drug"]["gehan_wilcoxon_p"], 1e-5)
    for arm in ARMS:
        mine, theirs = o["km"][arm], p["km"][arm]
        times = list(mine["at"].values())
        c.all(f"KM {arm}", zip(theirs["at"], [t["survival"] for t in times]))
        c.all(f"KM {arm} interval", [pair for ci, t in zip(theirs["ci_at"], times) for pair in zip(ci, t["ci_loglog"])])
        c.all(f"KM {arm}", [(theirs["rmst"], mine["rmst"]["value"]), *zip(theirs["at_risk"], [t["at_risk"] for t in times])])
    c.same("hazard ratio", p["cox"]["summary"]["exp(coef)"]["arm"], o["cox_arm"]["Drug"]["hr"], 1e-5)
    c.same("concordance", p["cox"]["c"], o["cox_arm_fit"]["concordance"], 1e-5)
    terms, of = o["cox_adjusted"]["terms"], p["adjusted"]["summary"]

    def ours(name):
        return terms["Drug" if name == "arm" else name if name in terms else "=".join(name.rsplit("_", 1))]

    for name in of["coef"]:
        c.all(f"adjusted {name}", [(of["coef"][name], ours(name)["coef"]), (of["se(coef)"][name], ours(name)["se"])], 1e-5)


def safety(c, p, o):
    for term, found in o["disproportionality"]["Drug"].items():
        of = p["disproportionality"][term]
        c.all(f"disproportion {term}", [(of["prr"], found["prr"]), (of["ror"], found["ror"]), (of["chi2"], found["chi2_yates"])])
    for soc, of in p["soc"].items():
        found = o["by_soc"][soc]["vs_reference"]["Drug"]
        c.all(soc, [(of["rr"], found["risk_ratio"]), (of["rd"], found["risk_difference"]), (of["fisher"], found["fisher_p"])])
    for key, of in p["pt"].items():
        soc, term = key.split(" | ")
        incidence = o["by_soc"][soc]["pt"][term]["incidence"]
        c.all(key, [*zip(of["reports"], [incidence[arm]["events"] for arm in ARMS]), *zip(of["subjects"], [incidence[arm]["subjects"] for arm in ARMS])])


def laboratory(c, p, o):
    for test, of in o["by_test"].items():
        for arm in ARMS:
            c.same(f"{test} {arm} grade 3 or 4", p["grade 3 or 4"][f"{test} | {arm}"], of["grade3_4_subjects"][arm])
            for direction in ("low", "high"):
                for grade, n in of[f"worst_grade_{direction}"][arm].items():
                    c.same(f"{test} {arm} {direction} {grade}", p[f"grade_{direction}"].get(f"{test} | {arm} | {grade}", 0), n)
            for visit, change in of["mean_change_by_visit"][arm].items():
                key = f"{test} | {arm} | {visit}"
                c.all(key, [(p["change"]["mean"][key], change["mean"]), (p["change"]["std"][key], change["sd"]), (p["change"]["size"][key], change["n"])])
    for arm in ARMS:
        c.same(f"Hy's law {arm}", p["hy"]["both"][arm], o["hys_law"][arm]["hys_law_candidates"])


def main():
    results, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    cohort, efficacy, of_safety = (json.loads(next(folder.rglob(f"{name}.json")).read_text())
                                   for name in ("cohort_characteristics", "efficacy_results", "safety_summary"))
    c = Comparison()
    table1(c, results["table1"], cohort["table1"])
    at_visits(c, results, {e["id"]: e for e in efficacy["endpoints"]})
    relapse = next(e for e in efficacy["time_to_event"] if e["id"] == "relapse")
    survival(c, results["relapse"], relapse)
    for of in relapse["subgroups"]:
        c.same(f"interaction {of['id']}", results["subgroups"][of["id"]]["relapse interaction"][0], of["interaction"]["lr_chi2"], 1e-4)
    for of in efficacy["primary_subgroups"]:
        c.same(f"interaction {of['id']}", results["subgroups"][of["id"]]["interaction"], of["interaction"]["p"], 1e-5)
    safety(c, results["adverse_events"], of_safety["safety"])
    laboratory(c, results["labs"], of_safety["labs"])
    print(f"{c.n} figures compared; the largest relative difference is {c.worst[0]:.1e} ({c.worst[1]})")
    if c.wrong:
        sys.exit("\n".join(c.wrong))


if __name__ == "__main__":
    main()
