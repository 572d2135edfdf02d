//! The methods of the analysis and their sources, as the report lists them.

/// For what, which method, from where.
pub(super) const METHODS: [(&str, &str, &str); 14] = [
    (
        "Continuous endpoint, covariate named",
        "Analysis of covariance (main); Welch, Student and Mann–Whitney beside it",
        "Fisher 1932; ICH E9 5.7; EMA baseline covariates guideline 2015",
    ),
    (
        "Continuous endpoint, no covariate",
        "Welch's t test (main); Student and Mann–Whitney beside it",
        "Welch 1947; Satterthwaite 1946",
    ),
    (
        "Ordinal endpoint",
        "Mann–Whitney test, asymptotic, corrected for ties and continuity (main); Welch beside it",
        "Mann and Whitney 1947; Hodges and Lehmann 1963",
    ),
    (
        "Binary endpoint",
        "Pearson's χ² without correction if all expected counts are at least 5, else Fisher's exact test (main)",
        "Pearson 1900; Fisher 1935; Cochran 1954",
    ),
    (
        "Time to event",
        "Log-rank test (main), Cox model with Efron ties for the hazard ratio; Gehan–Wilcoxon, Breslow ties, adjusted model and restricted means beside it",
        "Mantel 1966; Cox 1972; Efron 1977; Gehan 1965; Breslow 1974; Royston and Parmar 2013",
    ),
    (
        "Standardised effects",
        "Cohen's d, Hedges' g (J = 1 − 3/(4N − 9)), Cliff's delta",
        "Hedges 1981; Hedges and Olkin 1985; Cliff 1993",
    ),
    (
        "Risks",
        "Risk difference (Wald and Newcombe), risk ratio and odds ratio (log-normal; 0.5 added to all cells if one is zero), Wilson intervals",
        "Newcombe 1998; Katz et al. 1978; Woolf 1955; Wilson 1927",
    ),
    (
        "Survival curves",
        "Kaplan–Meier, Greenwood's variance, log-log intervals; medians by Brookmeyer and Crowley",
        "Kaplan and Meier 1958; Kalbfleisch and Prentice 2002; Brookmeyer and Crowley 1982",
    ),
    ("Proportional hazards", "Scaled Schoenfeld residuals against ranked time", "Grambsch and Therneau 1994"),
    (
        "More than two arms",
        "Each arm against the reference, and one test of all arms: analysis of variance, Kruskal–Wallis, χ² or log-rank",
        "Fisher 1925; Kruskal and Wallis 1952",
    ),
    (
        "Subgroups",
        "Unadjusted effect in each level; interaction by nested F test, or likelihood ratio of logistic or Cox models",
        "ICH E9 5.7; Wang et al. 2007",
    ),
    (
        "Multiplicity",
        "Holm (decides) and Hochberg within families; serial gatekeeping",
        "Holm 1979; Hochberg 1988; Westfall and Krishen 2001",
    ),
    (
        "Normality and variances",
        "Shapiro–Wilk, Brown–Forsythe: described, never used to choose a test",
        "Shapiro and Wilk 1965; Royston 1992; Brown and Forsythe 1974",
    ),
    (
        "Missing values",
        "Left out for each variable; bounds for binary endpoints, tipping points of estimates for continuous ones",
        "ICH E9(R1); Cro et al. 2020",
    ),
];
