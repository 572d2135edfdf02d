"""The statistics of clinical_research with pandas, SciPy, statsmodels and lifelines, from the same JSON file: what its time is measured against.

Usage: python3 clinical_peer.py STUDY.json [--results RESULTS.json]

Written as a statistician who knows pandas would: columns, groupby and matrices, no loop over subjects. It leaves out what these
libraries do not have for 100,000 subjects (Hodges-Lehmann's estimate of 2.5 thousand million pairs, pictures, reports,
pseudonyms, the search for identifiers), so it does less than the workflow. Prints seconds (of the clock and of the
processor) by part and the most memory as JSON.
"""

import argparse
import json
import resource
import time
import warnings

import numpy as np
import pandas as pd
import statsmodels.api as sm
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import logrank_test, multivariate_logrank_test, proportional_hazard_test
from lifelines.utils import median_survival_times, restricted_mean_survival_time
from scipy import stats
from statsmodels.stats.multitest import multipletests

Z = stats.norm.ppf(0.975)


class Clock:
    def __init__(self):
        self.seconds, self.cpu, self.last = {}, {}, (time.perf_counter(), time.process_time())

    def part(self, name):
        now = (time.perf_counter(), time.process_time())
        self.seconds[name], self.cpu[name] = (round(b - a, 3) for a, b in zip(self.last, now))
        self.last = now


def frame(table):
    if isinstance(table, dict):
        return pd.DataFrame(table["rows"], columns=table["columns"])
    return pd.json_normalize(table) if table else pd.DataFrame()


def read(path):
    with open(path, "rb") as file:
        given = json.load(file)
    data = given["study_data"]
    tables = {name: frame(data.get(name) or []) for name in ("subjects", "visits", "adverse_events", "labs")}
    subjects = tables["subjects"]
    for name in subjects:
        if name.startswith("endpoints.") or name in ("age",):
            subjects[name] = pd.to_numeric(subjects[name])
    return tables, given["protocol"]


def quality(tables, protocol):
    subjects, visits, events, labs = (tables[name] for name in ("subjects", "visits", "adverse_events", "labs"))
    found = {"missing": subjects[protocol["required_fields"]].isna().sum().to_dict(), "outside": {}}
    for field, (low, high) in protocol["ranges"].items():
        found["outside"][field] = int((~subjects[field].between(low, high) & subjects[field].notna()).sum())
    for test, (low, high) in protocol["lab_ranges"].items():
        values = labs.loc[labs["test"] == test, "value"]
        found["outside"][test] = int((~values.between(low, high) & values.notna()).sum())
    found["repeated"] = {name: int(table.duplicated().sum()) for name, table in tables.items()}
    found["repeated_ids"] = int(subjects["subject_id"].duplicated().sum())
    found["orphans"] = {n: int((~tables[n]["subject_id"].isin(subjects["subject_id"])).sum()) for n in ("visits", "adverse_events", "labs")}
    for first, second in protocol["date_order"]:
        found[f"{first} after {second}"] = int((pd.to_datetime(subjects[first]) > pd.to_datetime(subjects[second])).sum())
    for window in protocol["visit_windows"]:
        days = visits.loc[visits["visit"] == window["visit"], "day"]
        found[window["visit"]] = int((~days.between(window["low"], window["high"])).sum())
    found["ends before its start"] = int((events["end_day"] < events["start_day"]).sum())
    return found


def described(values):
    q1, median, q3 = np.percentile(values, [25, 50, 75])
    return {"n": len(values), "mean": values.mean(), "sd": values.std(ddof=1), "median": median, "q1": q1, "q3": q3,
            "min": values.min(), "max": values.max(), "skewness": stats.skew(values)}


def table1(subjects, protocol):
    reference, arm = protocol["arms"]
    found = {}
    for field in protocol["table1"]["continuous"]:
        column = subjects[field].dropna()
        groups = [column[subjects["arm"] == a].to_numpy(float) for a in (reference, arm)]
        one, two = map(described, groups)
        found[field] = {
            "overall": described(column.to_numpy(float)), reference: one, arm: two,
            "anova": stats.f_oneway(*groups).pvalue, "kruskal": stats.kruskal(*groups).pvalue,
            "welch": stats.ttest_ind(*groups, equal_var=False).pvalue,
            "smd": (two["mean"] - one["mean"]) / np.sqrt((one["sd"] ** 2 + two["sd"] ** 2) / 2),
        }
    for field in protocol["table1"]["categorical"]:
        counts = pd.crosstab(subjects[field], subjects["arm"])[[reference, arm]]
        share = (counts / counts.sum()).to_numpy()
        p, q = share[1:, 1], share[1:, 0]
        covariance = ((np.diag(p) - np.outer(p, p)) + (np.diag(q) - np.outer(q, q))) / 2
        chi2 = stats.chi2_contingency(counts, correction=False)
        found[field] = {"counts": counts.to_dict(), "chi2": chi2.statistic, "p": chi2.pvalue, "least": chi2.expected_freq.min(),
                        "smd": float(np.sqrt((p - q) @ np.linalg.pinv(covariance) @ (p - q)))}
        if counts.shape == (2, 2):
            found[field]["fisher"] = stats.fisher_exact(counts).pvalue
    return found


def interval(centre, se, df=None):
    width = (Z if df is None else stats.t.ppf(0.975, df)) * se
    return [centre - width, centre + width]


def wilson(x, n):
    centre, width = (x + Z * Z / 2) / (n + Z * Z), Z * np.sqrt(x * (n - x) / n + Z * Z / 4) / (n + Z * Z)
    return centre - width, centre + width


def two_by_two(a, n1, c, n0):
    """Risks of `a` among `n1` against `c` among `n0`."""
    r1, r0 = a / n1, c / n0
    difference, se = r1 - r0, np.sqrt(r1 * (1 - r1) / n1 + r0 * (1 - r0) / n0)
    (l1, u1), (l0, u0) = wilson(a, n1), wilson(c, n0)
    add = 0.5 if 0 in (a, c, n1 - a, n0 - c) else 0.0
    a_, b_, c_, d_ = a + add, n1 - a + add, c + add, n0 - c + add
    rr, log_rr = (a_ / (a_ + b_)) / (c_ / (c_ + d_)), np.sqrt(1 / a_ - 1 / (a_ + b_) + 1 / c_ - 1 / (c_ + d_))
    odds, log_or = a_ * d_ / (b_ * c_), np.sqrt(1 / a_ + 1 / b_ + 1 / c_ + 1 / d_)
    return {"risks": [r1, r0], "rd": difference, "wald": interval(difference, se), "wilson": [(l1, u1), (l0, u0)],
            "newcombe": [difference - np.hypot(r1 - l1, u0 - r0), difference + np.hypot(u1 - r1, r0 - l0)],
            "nnt": 1 / difference if difference else None, "rr": rr, "rr_ci": np.exp(interval(np.log(rr), log_rr)).tolist(),
            "or": odds, "or_ci": np.exp(interval(np.log(odds), log_or)).tolist(),
            "fisher": stats.fisher_exact([[a, n1 - a], [c, n0 - c]]).pvalue}


def at_visit(subjects, endpoint, protocol):
    reference, arm = protocol["arms"]
    y = subjects["endpoints." + endpoint["id"]].astype(float)
    treated = (subjects["arm"] == arm).to_numpy()
    one, two = y[~treated].dropna().to_numpy(), y[treated].dropna().to_numpy()
    if endpoint["type"] == "binary":
        a, c = int(two.sum()), int(one.sum())
        table = [[a, len(two) - a], [c, len(one) - c]]
        found = two_by_two(a, len(two), c, len(one))
        found["chi2"] = stats.chi2_contingency(table, correction=False).pvalue
        found["yates"] = stats.chi2_contingency(table).pvalue
        return found, found["chi2"]
    welch = stats.ttest_ind(two, one, equal_var=False)
    student = stats.ttest_ind(two, one)
    ranks = stats.mannwhitneyu(two, one, method="asymptotic")
    pooled = np.sqrt(((len(one) - 1) * one.var(ddof=1) + (len(two) - 1) * two.var(ddof=1)) / (len(one) + len(two) - 2))
    d = (two.mean() - one.mean()) / pooled
    found = {"by_arm": [described(one), described(two)], "welch": [welch.statistic, welch.pvalue, *welch.confidence_interval()],
             "student": [student.statistic, student.pvalue, *student.confidence_interval()], "mann_whitney": [ranks.statistic, ranks.pvalue],
             "d": d, "g": d * (1 - 3 / (4 * (len(one) + len(two)) - 9)), "cliff": 2 * ranks.statistic / (len(one) * len(two)) - 1,
             "anova": stats.f_oneway(one, two).pvalue, "kruskal": stats.kruskal(one, two).pvalue}
    if endpoint.get("baseline_field"):
        x = np.column_stack([np.ones(len(y)), subjects[endpoint["baseline_field"]].to_numpy(float), treated.astype(float)])
        kept = y.notna().to_numpy() & ~np.isnan(x).any(axis=1)
        fit = sm.OLS(y.to_numpy()[kept], x[kept]).fit()
        found["ancova"] = {"b": fit.params.tolist(), "se": fit.bse.tolist(), "p": fit.pvalues.tolist(), "ci": fit.conf_int().tolist()}
    return found, welch.pvalue if endpoint["type"] == "continuous" else ranks.pvalue


def design(subjects, fields, arm):
    """Covariates as numbers, categories as indicators."""
    x = pd.get_dummies(subjects[fields], drop_first=True, dtype=float) if fields else pd.DataFrame(index=subjects.index)
    x.insert(0, "arm", (subjects["arm"] == arm).astype(float))
    return x


def survival(subjects, endpoint, protocol):
    reference, arm = protocol["arms"]
    at = f"events.{endpoint['id']}."
    data = pd.DataFrame({"time": subjects[at + "time"].astype(float), "event": subjects[at + "event"].astype(float), "arm": subjects["arm"]}).dropna()
    found = {"km": {}}
    for name in (reference, arm):
        of = data[data["arm"] == name]
        fit = KaplanMeierFitter().fit(of["time"], of["event"])
        found["km"][name] = {
            "median": fit.median_survival_time_, "ci": median_survival_times(fit.confidence_interval_).to_numpy().tolist(),
            "at": fit.survival_function_at_times(endpoint["times"]).tolist(),
            "ci_at": fit.confidence_interval_.reindex(endpoint["times"], method="ffill").to_numpy().tolist(),
            "at_risk": [int((of["time"] >= t).sum()) for t in endpoint["times"]],
            "rmst": restricted_mean_survival_time(fit, endpoint["rmst_tau"]),
        }
    one, two = data[data["arm"] == reference], data[data["arm"] == arm]
    for weights in (None, "wilcoxon"):
        found[weights or "log-rank"] = logrank_test(one["time"], two["time"], one["event"], two["event"], weightings=weights).p_value
    found["overall"] = multivariate_logrank_test(data["time"], data["arm"], data["event"]).p_value
    columns = pd.concat([data[["time", "event"]], design(subjects, [], arm)], axis=1).dropna()
    cox = CoxPHFitter().fit(columns, "time", "event")
    lr = cox.log_likelihood_ratio_test()
    found["cox"] = {"summary": cox.summary.to_dict(), "lr": [lr.test_statistic, lr.p_value], "c": cox.concordance_index_}
    found["ph"] = proportional_hazard_test(cox, columns, time_transform="rank").p_value.tolist()
    columns = pd.concat([data[["time", "event"]], design(subjects, endpoint["covariates"], arm)], axis=1).dropna()
    cox = CoxPHFitter().fit(columns, "time", "event")
    found["adjusted"] = {"summary": cox.summary.to_dict(), "n": len(columns), "c": cox.concordance_index_}
    found["adjusted_ph"] = proportional_hazard_test(cox, columns, time_transform="rank").p_value.tolist()
    return found, float(found["log-rank"])


def classes(subjects, subgroup):
    cuts = subgroup.get("cut_points")
    return pd.cut(subjects[subgroup["field"]], [-np.inf, *cuts, np.inf], right=False) if cuts else subjects[subgroup["field"]].astype("category")


def subgroups(subjects, protocol):
    reference, arm = protocol["arms"]
    primary = protocol["endpoints"]["primary"]
    y = subjects["endpoints." + primary["id"]].astype(float)
    treated = (subjects["arm"] == arm).astype(float).rename("arm")
    found = {}
    for subgroup in protocol["subgroups"]:
        level = classes(subjects, subgroup)
        of = found[subgroup["id"]] = {"levels": {}}
        for name, rows in subjects.groupby(level, observed=True).groups.items():
            one, two = y[rows][treated[rows] == 0].dropna(), y[rows][treated[rows] == 1].dropna()
            welch = stats.ttest_ind(two, one, equal_var=False)
            of["levels"][str(name)] = [len(two), len(one), two.mean() - one.mean(), *welch.confidence_interval(), welch.pvalue]
        dummies = pd.get_dummies(level, drop_first=True, dtype=float)
        dummies.columns = [f"level {name}" for name in dummies]
        products = dummies.mul(treated, axis=0).add_prefix("arm x ")
        main = sm.add_constant(pd.concat([treated, dummies], axis=1))
        kept = y.notna() & level.notna()
        small = sm.OLS(y[kept], main[kept]).fit()
        full = sm.OLS(y[kept], pd.concat([main, products], axis=1)[kept]).fit()
        of["interaction"] = full.compare_f_test(small)[1]
        for endpoint in protocol["endpoints"]["time_to_event"]:
            at = f"events.{endpoint['id']}."
            base = pd.DataFrame({"time": subjects[at + "time"].astype(float), "event": subjects[at + "event"].astype(float), "arm": treated})
            for name, rows in subjects.groupby(level, observed=True).groups.items():
                fit = CoxPHFitter().fit(base.loc[rows].dropna(), "time", "event")
                of["levels"][f"{endpoint['id']} {name}"] = fit.summary.loc["arm"].to_dict()
            kept = base.notna().all(axis=1) & level.notna()
            small = CoxPHFitter().fit(pd.concat([base, dummies], axis=1)[kept], "time", "event")
            full = CoxPHFitter().fit(pd.concat([base, dummies, products], axis=1)[kept], "time", "event")
            chi2 = 2 * (full.log_likelihood_ - small.log_likelihood_)
            of[f"{endpoint['id']} interaction"] = [chi2, stats.chi2.sf(chi2, products.shape[1])]
    return found


def adverse_events(subjects, events, protocol):
    reference, arm = protocol["arms"]
    treated = subjects[subjects["populations." + protocol["populations"]["safety"]].astype(bool)]
    arms = treated.set_index("subject_id")["arm"]
    events = events.assign(arm=events["subject_id"].map(arms)).dropna(subset=["arm"])
    if protocol["ae"]["analysis_set"] == "treatment_emergent":
        events = events[events["treatment_emergent"].astype(bool)]
    n = arms.value_counts()
    found = {"severity": pd.crosstab(events["severity"], events["arm"]).to_dict()}

    def incidence(keys):
        reports = events.groupby([*keys, "arm"]).size().unstack("arm", fill_value=0)
        people = events.drop_duplicates([*keys, "subject_id"]).groupby([*keys, "arm"]).size().unstack("arm", fill_value=0)
        return {key: {"reports": row_r.tolist(), "subjects": row_s.tolist(), **two_by_two(int(row_s[1]), n[arm], int(row_s[0]), n[reference])}
                for key, row_r, row_s in zip(people.index, reports[[reference, arm]].to_numpy(), people[[reference, arm]].to_numpy())}

    def overall(rows):
        people = rows.drop_duplicates("subject_id")["arm"].value_counts()
        return two_by_two(int(people.get(arm, 0)), n[arm], int(people.get(reference, 0)), n[reference])

    found["soc"], found["pt"] = incidence(["soc"]), incidence(["soc", "pt"])
    flags = {"any": events, **{f: events[events[f].astype(bool)] for f in ("serious", "related", "fatal")}, "severe": events[events["severity"] == "SEVERE"]}
    found["overview"] = {name: overall(rows) for name, rows in flags.items()}
    counts = events.groupby(["pt", "arm"]).size().unstack("arm", fill_value=0)
    a, c = counts[arm].to_numpy(float), counts[reference].to_numpy(float)
    b, d = a.sum() - a, c.sum() - c
    add = np.where((a == 0) | (b == 0) | (c == 0) | (d == 0), 0.5, 0.0)
    a_, b_, c_, d_ = a + add, b + add, c + add, d + add
    prr, ror = (a_ / (a_ + b_)) / (c_ / (c_ + d_)), a_ * d_ / (b_ * c_)
    total = a + b + c + d
    chi2 = total * np.maximum(0, np.abs(a * d - b * c) - total / 2) ** 2 / ((a + b) * (c + d) * (a + c) * (b + d))
    se_prr, se_ror = np.sqrt(1 / a_ - 1 / (a_ + b_) + 1 / c_ - 1 / (c_ + d_)), np.sqrt(1 / a_ + 1 / b_ + 1 / c_ + 1 / d_)
    signal = protocol["ae"]["signal"]
    found["disproportionality"] = pd.DataFrame({
        "prr": prr, "prr_low": prr * np.exp(-Z * se_prr), "prr_high": prr * np.exp(Z * se_prr), "ror": ror, "ror_low": ror * np.exp(-Z * se_ror),
        "ror_high": ror * np.exp(Z * se_ror), "chi2": chi2,
        "signal": (prr >= signal["prr_min"]) & (chi2 >= signal["chi2_min"]) & (a >= signal["min_reports"])}, index=counts.index).to_dict("index")
    days = (pd.to_datetime(treated["treatment_end"]) - pd.to_datetime(treated["treatment_start"])).dt.days + 1
    found["patient_years"] = (days.groupby(treated["arm"]).sum() / 365.25).to_dict()
    # The time to each subject's first adverse event, in days of the treatment.
    first = events.groupby("subject_id")["start_day"].min().reindex(treated["subject_id"])
    exposed = days.to_numpy(float)
    time_, seen = np.where(first.notna(), np.minimum(first.fillna(0).clip(lower=0.5), exposed), exposed), first.notna().to_numpy()
    for name in (reference, arm):
        is_in = (treated["arm"] == name).to_numpy()
        found[f"first in {name}"] = KaplanMeierFitter().fit(time_[is_in], seen[is_in]).median_survival_time_
    is_in = (treated["arm"] == arm).to_numpy()
    found["first, log-rank"] = logrank_test(time_[~is_in], time_[is_in], seen[~is_in], seen[is_in]).p_value
    found["deaths"] = treated.groupby("arm")["death"].sum().to_dict()
    reasons = treated[~treated["completed"].astype(bool)]
    found["reasons"] = pd.crosstab(reasons["discontinuation_reason"], reasons["arm"]).to_dict()
    return found, arms


def laboratory(labs, arms):
    labs = labs.assign(arm=labs["subject_id"].map(arms)).dropna(subset=["arm"])
    after = labs[labs["day"] > 1]
    found = {}
    keys = ["test", "arm", "subject_id"]
    worst = after.groupby(keys)[["grade_low", "grade_high"]].max()
    for direction in worst:
        found[direction] = worst[direction].dropna().groupby(["test", "arm"]).value_counts().to_dict()
    found["grade 3 or 4"] = (worst.max(axis=1) >= 3).groupby(["test", "arm"]).sum().to_dict()
    beyond = after.assign(above=after["value"] > after["high"], below=after["value"] < after["low"]).groupby(keys)[["above", "below"]].any()
    found["beyond"] = beyond.groupby(["test", "arm"]).sum().to_dict()
    baseline = labs[labs["day"] <= 1].sort_values("day", kind="stable").drop_duplicates(["subject_id", "test"], keep="last")
    joined = after.merge(baseline[["subject_id", "test", "value"]], on=["subject_id", "test"], suffixes=("", "_baseline"))
    change = (joined["value"] - joined["value_baseline"]).groupby([joined["test"], joined["arm"], joined["visit"]])
    found["change"] = change.agg(["size", "mean", "std"]).to_dict()
    shift = joined[["test", "arm", "subject_id"]].assign(
        before=np.select([joined["value_baseline"] < joined["low"], joined["value_baseline"] > joined["high"]], ["L", "H"], "N"),
        then=np.select([joined["value"] < joined["low"], joined["value"] > joined["high"]], ["L", "H"], "N"))
    found["shift"] = shift.groupby(["test", "arm", "before", "then"]).size().to_dict()
    liver = after[after["test"].isin(["ALT", "AST", "BILI"])]
    peaks = (liver["value"] / liver["high"]).groupby([liver["subject_id"], liver["test"]]).max().unstack("test")
    hepatic, bilirubin = peaks[["ALT", "AST"]].max(axis=1) > 3, peaks["BILI"] > 2
    found["hy"] = pd.DataFrame({"alt": hepatic, "bili": bilirubin, "both": hepatic & bilirubin}).groupby(peaks.index.map(arms)).sum().to_dict()
    return found


def plain(value):
    """As JSON has it: keys are texts, numbers are Python's."""
    if isinstance(value, dict):
        return {" | ".join(map(str, key)) if isinstance(key, tuple) else str(key): plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("study")
    arguments.add_argument("--results", help="write the statistics here, to be compared")
    given = arguments.parse_args()
    warnings.simplefilter("ignore")
    clock = Clock()
    results = {}
    tables, protocol = read(given.study)
    clock.part("read")
    results["quality"] = quality(tables, protocol)
    clock.part("quality")
    subjects = tables["subjects"].drop_duplicates("subject_id")
    subjects = subjects[subjects["arm"].isin(protocol["arms"])]

    def of(analysis):
        flag = protocol["populations"].get(analysis)
        return subjects[subjects[f"populations.{flag}"].astype(bool)] if flag else subjects

    results["table1"] = table1(of("baseline"), protocol)
    clock.part("table1")
    endpoints = protocol["endpoints"]
    p = []
    for endpoint in [endpoints["primary"], *endpoints["secondary"]]:
        results[endpoint["id"]], value = at_visit(of("efficacy"), endpoint, protocol)
        p.append(value)
    clock.part("endpoints")
    for endpoint in endpoints["time_to_event"]:
        results[endpoint["id"]], value = survival(of("time_to_event"), endpoint, protocol)
        p.append(value)
    results["multiplicity"] = {m: multipletests(p[1:], method=m)[1].tolist() for m in ("holm", "simes-hochberg")}
    clock.part("survival")
    results["subgroups"] = subgroups(of("efficacy"), protocol)
    clock.part("subgroups")
    results["adverse_events"], arms = adverse_events(subjects, tables["adverse_events"], protocol)
    clock.part("adverse_events")
    results["labs"] = laboratory(tables["labs"], arms)
    clock.part("labs")
    if given.results:
        with open(given.results, "w", encoding="utf-8") as out:
            json.dump(plain(results), out)
    seconds, cpu = ({**parts, "all": round(sum(parts.values()), 3)} for parts in (clock.seconds, clock.cpu))
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    main()
