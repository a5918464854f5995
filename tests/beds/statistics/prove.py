"""Asks our statistics what SciPy and statsmodels know, and compares.

usage: prove.py EXECUTABLE
Closed forms must agree to 1e-9 (absolutely below 1, relatively above); what is resampled, within five of its standard
errors, named beside each. Prints the cases and the largest difference of every function."""

import json
import subprocess
import sys
import warnings

import numpy as np
from scipy import optimize, stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats import contingency_tables, inter_rater, multitest, proportion
from statsmodels.stats.contingency_tables import StratifiedTable

warnings.filterwarnings("ignore")
MOST = 1e-9
LEVELS = (0.8, 0.95, 0.99)
rng = np.random.default_rng(20260724)
questions, answers, bounds = [], [], []


def ask(of, answer, bound=MOST, **question):
    """A question with the answer that is known; None where there is none."""
    questions.append({"of": of, **question})
    answers.append(None if answer is None else [float(number) for number in np.atleast_1d(answer)])
    bounds.append(bound)


def wilson(hits, of, level):
    low, high = proportion.proportion_confint(hits, of, alpha=1 - level, method="wilson")
    return (0.0 if hits == 0 else low), (1.0 if hits == of else high)


RATES = [(0, 1), (1, 1), (0, 2), (1, 2), (0, 20), (20, 20), (1, 29), (15, 148), (50, 100), (99, 100), (100, 100), (0, 100),
         (3, 600), (299, 600), (1, 100_000), (54_321, 100_000), (5_000_000, 10_000_000), (0, 10_000_000)]
RATES += [(int(rng.integers(0, n + 1)), int(n)) for n in rng.integers(1, 1000, 30)]
TABLES = [(0, 1, 1, 1), (1, 1, 0, 1), (0, 1, 0, 1), (1, 1, 1, 1), (0, 10, 0, 20), (10, 10, 20, 20), (0, 10, 20, 20), (5, 10, 10, 20),
          (3, 100, 3, 100), (56, 70, 48, 80), (9, 10, 3, 10), (0, 100, 7, 100), (100, 100, 93, 100), (50, 100, 51, 100),
          (7, 7, 1, 300), (1, 3, 150, 300)]
TABLES += [(int(rng.integers(0, m + 1)), int(m), int(rng.integers(0, n + 1)), int(n)) for m, n in rng.integers(1, 300, (40, 2))]
HUGE = [(40_000, 100_000, 40_400, 100_000), (12, 50_000, 3, 80_000), (2_900, 3_000, 2_850, 3_000)]

for hits, of in RATES:
    for level in LEVELS:
        ask("wilson", wilson(hits, of, level), counts=[hits, of], level=level)

for a, m, b, n in TABLES + HUGE:
    for level in LEVELS:
        low, high = proportion.confint_proportions_2indep(a, m, b, n, method="newcomb", compare="diff", alpha=1 - level)
        ask("newcombe", (a / m - b / n, low, high), counts=[a, m, b, n], level=level)
    z, p = proportion.proportions_ztest([a, b], [m, n]) if 0 < a + b < m + n else (0, 1)
    ask("z_test", (z, p), counts=[a, m, b, n])
    ask("fisher", stats.fisher_exact([[a, m - a], [b, n - b]])[1], counts=[a, m, b, n])


def boschloo(a, m, b, n):
    """SciPy's definition with the greatest probability looked for on a grid fine enough for 1e-9: SciPy's own search stops
    at the best of 32 starts to about 1e-6, and is held against this in main()."""

    def side(a, m, b, n):
        x, y = np.arange(m + 1)[:, None], np.arange(n + 1)[None, :]
        fisher = stats.hypergeom.cdf(x, m + n, x + y, m)
        region = fisher <= fisher[a, b] * (1 + 1e-13)

        def probability(rate):
            return float(stats.binom.pmf(x[:, 0], m, rate) @ (region @ stats.binom.pmf(y[0], n, rate)))

        grid = np.sin(np.linspace(0, np.pi / 2, 401)) ** 2
        values = np.array([probability(rate) for rate in grid])
        best = values.max()
        for place in range(1, 400):
            if values[place] >= max(values[place - 1], values[place + 1]) and values[place] > 0.9 * best:
                found = optimize.minimize_scalar(lambda rate: -probability(rate), bounds=(grid[place - 1], grid[place + 1]),
                                                 method="bounded", options={"xatol": 1e-12})
                best = max(best, -found.fun)
        return best

    return min(1.0, 2 * min(side(a, m, b, n), side(m - a, m, n - b, n)))


for a, m, b, n in TABLES[:16] + [t for t in TABLES[16:] if t[1] < 120 and t[3] < 120]:
    known = boschloo(a, m, b, n)
    ask("boschloo", known, counts=[a, m, b, n])
    if 0 < a + b < m + n:
        theirs = min(1.0, stats.boschloo_exact([[a, b], [m - a, n - b]], n=32).pvalue)
        if abs(theirs - known) > 1e-6:
            sys.exit(f"SciPy's own search for Boschloo's p of {(a, m, b, n)} gives {theirs}, the grid {known}")

PAIRED = [(0, 0, 0, 1), (1, 0, 0, 0), (0, 1, 0, 0), (36, 12, 2, 0), (50, 0, 0, 50), (0, 50, 50, 0), (10, 5, 5, 10), (0, 5, 0, 0), (20, 7, 1, 72),
          (0, 0, 9, 91), (40_000, 3_000, 2_800, 54_200), (3, 1_000_000, 1_001_000, 5)]
PAIRED += [tuple(int(c) for c in rng.multinomial(n, rng.dirichlet([1, 1, 1, 1]))) for n in rng.integers(2, 400, 40)]


def phi(both, first, second, neither):
    margins = float(both + first) * (second + neither) * (both + second) * (first + neither)
    return (float(both) * neither - float(first) * second) / margins ** 0.5 if margins > 0 else None


def newcombe_paired(both, first, second, neither, level):
    n, at = both + first + second + neither, (first - second) / (both + first + second + neither)
    p1, p2 = (both + first) / n, (both + second) / n
    (l1, u1), (l2, u2) = wilson(both + first, n, level), wilson(both + second, n, level)
    margins = float(both + first) * (second + neither) * (both + second) * (first + neither)
    cross = float(both) * neither - float(first) * second
    cross = cross - n / 2 if cross > n / 2 else (0 if cross >= 0 else cross)
    r = cross / margins ** 0.5 if margins > 0 else 0
    low = max(0, (p1 - l1) ** 2 - 2 * r * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2) ** 0.5
    high = max(0, (u1 - p1) ** 2 - 2 * r * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2) ** 0.5
    return at, at - low, at + high


for both, first, second, neither in PAIRED:
    counts = [both, first, second, neither]
    table = [[both, first], [second, neither]]
    ask("mcnemar_exact", contingency_tables.mcnemar(table, exact=True).pvalue, counts=counts)
    coin = stats.binom(first + second, 0.5)
    ask("mcnemar_mid_p", min(1, 2 * coin.cdf(min(first, second)) - coin.pmf(min(first, second))), counts=counts)
    ask("phi", phi(*counts), counts=counts)
    if phi(*counts) is not None and sum(counts) < 1000:
        xs = np.repeat([1, 1, 0, 0], counts), np.repeat([1, 0, 1, 0], counts)
        ask("phi", stats.pearsonr(*xs)[0], counts=counts)
    ask("newcombe_paired", newcombe_paired(*counts, 0.95), counts=counts)

for n in (1, 2, 3, 5, 8, 10, 12):
    for scale in (1, 5, 100):
        x, y = rng.integers(0, scale + 1, n), rng.integers(0, scale + 1, n)
        mean = lambda x, y, axis=-1: np.mean(x - y, axis=axis)
        p = stats.permutation_test((x, y), mean, permutation_type="samples", n_resamples=np.inf).pvalue if n > 1 else 1
        ask("permutation", p, counts=[1, 0], pairs=np.stack([x, y], 1).tolist())
for n in (40, 100):
    x, y = rng.normal(60, 10, n), rng.normal(58 if n == 40 else 60.5, 10, n)
    draws, theirs = 20_000, 100_000
    p = stats.permutation_test((x, y), mean, permutation_type="samples", n_resamples=theirs, rng=np.random.default_rng(3)).pvalue
    error = (p * (1 - p) * (1 / draws + 1 / theirs)) ** 0.5
    ask("permutation", p, bound=5 * error + 1 / draws, counts=[7, draws], pairs=np.stack([x, y], 1).tolist())

STRATA = []
for k in (1, 2, 3, 6, 12, 30):
    for _ in range(4):
        sizes = rng.integers(1, 120, (k, 2))
        STRATA.append((rng.uniform(0.1, 3, k), [[int(rng.integers(0, m + 1)), int(m), int(rng.integers(0, n + 1)), int(n)] for m, n in sizes]))
STRATA.append((np.ones(4), [[0, 100, 0, 100]] * 4))
STRATA.append((np.ones(2), [[0, 100, 100, 100], [100, 100, 0, 50]]))
STRATA.append((np.ones(3), [[1, 1, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]]))
STRATA.append((np.array([1.0, 0.0]), [[4, 10, 3, 10], [1, 10, 9, 10]]))


def mover(weights, parts):
    at = sum(w * p for w, (p, _, _) in zip(weights, parts))
    down = [(p - l, u - p)[int(w < 0)] * w for w, (p, l, u) in zip(weights, parts)]
    up = [(u - p, p - l)[int(w < 0)] * w for w, (p, l, u) in zip(weights, parts)]
    return at, at - np.linalg.norm(down), at + np.linalg.norm(up)


# Wilson's interval for as many trials as leave one rate as unsure as the mean of the cells is.
def stratified(share, cells, level):
    at = min(max(sum(w * k / n for w, (k, n) in zip(share, cells)), 0), 1)
    rates = [(k + at) / (n + 1) for k, n in cells]
    variance = sum(w * w * p * (1 - p) / n for w, p, (_, n) in zip(share, rates, cells))
    effective = at * (1 - at) / variance if variance > 0 else 1 / sum(w * w / n for w, (_, n) in zip(share, cells))
    return at, *wilson(at * effective, effective, level)


for weights, cells in STRATA:
    share = weights / weights.sum()
    flat = [c for cell in cells for c in cell]
    for level in (0.9, 0.95):
        first = stratified(share, [(a, m) for a, m, _, _ in cells], level)
        second = stratified(share, [(b, n) for _, _, b, n in cells], level)
        variance = sum(w * w * (a / m) * (1 - a / m) / m for w, (a, m, _, _) in zip(share, cells))
        ask("stratified", (*first, variance), counts=[c for cell in cells for c in cell[:2]], numbers=weights.tolist(), level=level)
        ask("stratified_difference", mover([1, -1], [first, second]), counts=flat, numbers=weights.tolist(), level=level)
    pooled = [(a + b) / (m + n) for a, m, b, n in cells]
    error = sum(w * w * p * (1 - p) * (1 / m + 1 / n) for w, p, (_, m, _, n) in zip(share, pooled, cells)) ** 0.5
    gap = sum(w * (a / m - b / n) for w, (a, m, b, n) in zip(share, cells))
    z = gap / error if error > 0 else 0
    ask("stratified_z", (z, 2 * stats.norm.sf(abs(z))), counts=flat, numbers=weights.tolist())
    if len(cells) == 1 and error > 0:
        a, m, b, n = cells[0]
        ask("stratified_z", proportion.proportions_ztest([a, b], [m, n]), counts=flat, numbers=[1.0])
    table = StratifiedTable([np.array([[a, m - a], [b, n - b]], float) for a, m, b, n in cells])
    test = table.test_null_odds(correction=False)
    # With all margins fixed, hits of the first arms are a sum of hypergeometric numbers: the likelihood of every sum is known.
    sums, least = np.ones(1), 0
    for a, m, b, n in cells:
        low, high = max(0, a + b - n), min(m, a + b)
        sums, least = np.convolve(sums, stats.hypergeom(m + n, a + b, m).pmf(np.arange(low, high + 1))), least + low
    likely = sums[sum(a for a, _, _, _ in cells) - least]
    ask("stratified_exact", min(1, sums[sums <= likely * (1 + 1e-9)].sum()), counts=flat)
    if len(cells) == 1:
        a, m, b, n = cells[0]
        ask("stratified_exact", stats.fisher_exact([[a, m - a], [b, n - b]]).pvalue, counts=flat)
    ask("cmh", None if np.isnan(test.statistic) else (test.statistic, test.pvalue), counts=flat)
    ratio = table.oddsratio_pooled
    known = np.isfinite(ratio) and ratio > 0
    ask("odds_ratio", (ratio, *table.oddsratio_pooled_confint()) if known else None, counts=flat)
    weight = sum(m * n / (m + n) for _, m, _, n in cells)
    at = sum((a * n - b * m) / (m + n) for a, m, b, n in cells) / weight
    spread = sum((a * (m - a) * n ** 3 + b * (n - b) * m ** 3) / (m * n * (m + n) ** 2) for a, m, b, n in cells)
    half = stats.norm.ppf(0.975) * spread ** 0.5 / weight
    ask("mh_difference", (at, at - half, at + half), counts=flat)

for groups in (19, 20, 21, 30, 60):
    for kind in range(5):
        sizes = rng.integers(1, 60, (groups, 2)) if kind else np.full((groups, 2), 40)
        rates = rng.beta(0.5, 1.5, (groups, 2)) if kind < 3 else np.full((groups, 2), 0.1 * kind)
        hits = rng.binomial(sizes, rates)
        counts = [int(c) for g in range(groups) for c in (hits[g, 0], sizes[g, 0], hits[g, 1], sizes[g, 1])]
        if groups < 20:
            ask("clustered", None, counts=counts[:2] * groups)
            ask("clustered_difference", None, counts=counts)
            continue
        y = np.concatenate([np.repeat([1, 0], [h, s - h]) for g in range(groups) for h, s in [(hits[g, 0], sizes[g, 0])]])
        group = np.repeat(np.arange(groups), sizes[:, 0])
        fit = OLS(y, np.ones(len(y))).fit(cov_type="cluster", cov_kwds={"groups": group}, use_t=True)
        (low, high), rate, variance = fit.conf_int()[0], y.mean(), fit.bse[0] ** 2
        few = (stats.norm.ppf(0.975) / stats.t.ppf(0.975, groups - 1)) ** 2
        size = min(few * rate * (1 - rate) / variance, len(y))
        kg = stats.beta.ppf(0.025, rate * size, size - rate * size + 1), stats.beta.ppf(0.975, rate * size + 1, size - rate * size)
        ask("clustered", (rate, low, high, *kg), counts=[int(c) for g in range(groups) for c in (hits[g, 0], sizes[g, 0])])
        both = [(g, arm, h, s) for g in range(groups) for arm, h, s in ((1, hits[g, 0], sizes[g, 0]), (0, hits[g, 1], sizes[g, 1]))]
        y = np.concatenate([np.repeat([1, 0], [h, s - h]) for _, _, h, s in both])
        x = np.column_stack([np.ones(len(y)), np.repeat([arm for _, arm, _, _ in both], [s for *_, s in both])])
        group = np.repeat([g for g, *_ in both], [s for *_, s in both])
        fit = OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": group}, use_t=True)
        ask("clustered_difference", (fit.params[1], *fit.conf_int()[1], fit.tvalues[1], fit.pvalues[1]), counts=counts)
        if kind == 1:
            draws, n = 4000, rng.integers(0, groups, (40_000, groups))
            sums = hits[n].sum(1) / sizes[n].sum(1)
            drawn = sums[:, 0] - sums[:, 1]
            ends = np.quantile(drawn, [0.025, 0.975])
            width = 0.15 * drawn.std()
            density = np.mean([np.mean(abs(drawn - end) < width) / (2 * width) for end in ends])
            error = (0.025 * 0.975 * (1 / draws + 1 / len(drawn))) ** 0.5 / density
            ask("bootstrap", ends, bound=5 * error, counts=counts, numbers=[draws])

SQUARES = [(60, 100, 60, 100, 10, 100, 10, 100), (30, 100, 10, 100, 8, 100, 5, 100), (0, 100, 0, 100, 0, 100, 0, 100), (100, 100, 0, 100, 0, 100, 0, 100),
           (1, 1, 0, 1, 0, 1, 0, 1), (80, 100, 20, 100, 20, 100, 80, 100)]
SQUARES += [tuple(int(c) for n in rng.integers(5, 300, 4) for c in (rng.integers(0, n + 1), n)) for _ in range(25)]


def interaction(cells, level):
    parts = [(h / n, *wilson(h, n, level)) for h, n in cells]
    upper, lower = mover([1, -1], [parts[0], parts[2]]), mover([1, -1], [parts[1], parts[3]])
    return mover([1, -1], [upper, lower])


for square in SQUARES:
    cells = list(zip(square[::2], square[1::2]))
    for level in (0.9, 0.95):
        ask("interaction", interaction(cells, level), counts=list(square), level=level)
    variance = sum(h / n * (1 - h / n) / n for h, n in cells)
    value = cells[0][0] / cells[0][1] - cells[2][0] / cells[2][1] - cells[1][0] / cells[1][1] + cells[3][0] / cells[3][1]
    known = variance > 0
    ask("interaction_wald", (value / variance ** 0.5, 2 * stats.norm.sf(abs(value / variance ** 0.5))) if known else None, counts=list(square))
    if abs(value) < 1e-12:
        ask("interaction_p", 1, counts=list(square))
    else:
        touches = lambda alpha: interaction(cells, 1 - alpha)[1 if value > 0 else 2]
        if touches(1e-10) * touches(1 - 1e-10) < 0:
            ask("interaction_p", optimize.brentq(touches, 1e-10, 1 - 1e-10, xtol=1e-15, rtol=1e-14), counts=list(square))

FAMILIES = [[], [0.03], [0.5, 0.5, 0.5], [0, 0, 1], [1, 1], [0.01, 0.01, 0.04, 0.04, 0.04]]
FAMILIES += [rng.uniform(0, 1, n).round(2).tolist() for n in (2, 5, 20, 100)] + [(rng.uniform(0, 1, n) ** 4).tolist() for n in (3, 10, 50, 271)]
for family in FAMILIES:
    for of, method in (("holm", "holm"), ("benjamini_hochberg", "fdr_bh")):
        ask(of, multitest.multipletests(family, method=method)[1] if family else [], numbers=family)

SAMPLES = [[], [5], [1, 1], [1, 2], [0] * 10 + [100], [60.0] * 50, [1e9 + 1, 1e9 + 2, 1e9 + 3]]
SAMPLES += [rng.normal(60, 15, n).tolist() for n in (2, 3, 10, 100, 2000, 2002, 30_000)] + [rng.integers(0, 101, n).tolist() for n in (4, 25, 600)]
for sample in SAMPLES:
    for level in (0.9, 0.95, 0.99):
        if len(sample) < 2:
            ask("mean", None, numbers=sample, level=level)
            continue
        at, error = np.mean(sample), stats.sem(sample)
        half = stats.t.ppf(1 - (1 - level) / 2, len(sample) - 1) * error
        ask("mean", (at, at - half, at + half, np.std(sample, ddof=1)), numbers=sample, level=level)

for a, m, b, n in TABLES[:20]:
    for here, there in ((0, 0), (3, 5), (40, 0)):
        low = a / (m + here) - (b + there) / (n + there)
        high = (a + here) / (m + here) - b / (n + there)
        ask("manski", (low, high), counts=[a, m, b, n, here, there])

KAPPAS = [[20, 5, 10, 15], [1, 0, 0, 0], [0, 10, 10, 0], [5, 1, 0, 2, 7, 1, 0, 3, 9], [45, 15, 25, 15]]
KAPPAS += [rng.multinomial(200, rng.dirichlet(np.ones(k * k) + 4 * np.eye(k).ravel())).tolist() for k in (2, 2, 3, 3, 4, 5) for _ in range(4)]
for table in KAPPAS:
    k = int(len(table) ** 0.5)
    square = np.array(table, float).reshape(k, k)
    used = (square.sum(0) + square.sum(1)) > 0
    for level in (0.9, 0.95):
        if used.sum() < 2:
            ask("kappa", None, counts=table, level=level)
            continue
        found = inter_rater.cohens_kappa(square)
        half = stats.norm.ppf(1 - (1 - level) / 2) * found.std_kappa
        known = found.kappa, max(-1, found.kappa - half), min(1, found.kappa + half)
        # Where nobody ever agrees the variance is 0: we give no interval, for one of no width would claim certainty.
        if half == 0 and found.kappa < 1:
            known = None
        ask("kappa", known, counts=table, level=level)

DESIGNS = [(100, 100), (300, 300), (100, 300), (600, 200), (20, 20), (1, 1)]
for m, n in DESIGNS:
    for first, second in ((0.3, 0.1), (0.1, 0.3), (0.5, 0.45), (0.02, 0.01), (0.9, 0.99), (0.2, 0.2)):
        for level in (0.95, 0.99):
            known = proportion.power_proportions_2indep(first - second, second, m, ratio=n / m, alpha=1 - level, return_results=False)
            ask("power", known, counts=[m, n], numbers=[first, second], level=level)
    for base in (0.0, 0.01, 0.1, 0.5, 0.9):
        for wanted in (0.8, 0.95):
            power = lambda gap: proportion.power_proportions_2indep(gap, base, m, ratio=n / m, return_results=False) - wanted
            most = 1 - base - 1e-13
            found = optimize.brentq(power, 1e-13, most, xtol=1e-15) if power(most) > 0 else None
            if found is not None or m == 1:
                ask("detectable", found, counts=[m, n], numbers=[0, base, wanted])
for first, second in ((0.3, 0.1), (0.1, 0.3), (0.5, 0.45), (0.02, 0.01), (0.9, 0.99)):
    for wanted in (0.5, 0.8, 0.95):
        known = proportion.samplesize_proportions_2indep_onetail(first - second, second, wanted)
        ask("episodes", known, numbers=[first, second, wanted])
ask("episodes", None, numbers=[0.4, 0.4, 0.8])


def exact_power(m, n, first, second, p_of):
    likely = np.outer(stats.binom.pmf(range(m + 1), m, first), stats.binom.pmf(range(n + 1), n, second))
    return sum(likely[a, b] for a in range(m + 1) for b in range(n + 1) if p_of(a, m, b, n) <= 0.05)


def z_p(a, m, b, n):
    return proportion.proportions_ztest([a, b], [m, n])[1] if 0 < a + b < m + n else 1


for m, n in ((1, 1), (10, 10), (15, 25)):
    for first, second in ((0.5, 0.1), (0.2, 0.2), (0.0, 0.9), (1.0, 0.5)):
        ask("exact_power_z", exact_power(m, n, first, second, z_p), counts=[m, n], numbers=[first, second])
        fisher = lambda a, m, b, n: stats.fisher_exact([[a, m - a], [b, n - b]])[1]
        ask("exact_power_fisher", exact_power(m, n, first, second, fisher), counts=[m, n], numbers=[first, second])


def main():
    asked = "\n".join(json.dumps(question) for question in questions)
    out = subprocess.run([sys.argv[1]], input=asked, capture_output=True, text=True, check=True, timeout=200).stdout
    ours = [json.loads(line) for line in out.splitlines()]
    assert len(ours) == len(questions)
    found, wrong = {}, []
    for question, mine, theirs, bound in zip(questions, ours, answers, bounds):
        kind = question["of"] + (" (resampled)" if bound != MOST else "")
        if (mine is None) != (theirs is None) or (mine is not None and len(mine) != len(theirs)):
            difference = float("inf")
        else:
            gaps = [abs(a - b) / max(1, abs(b)) if a is not None else float("inf") for a, b in zip(mine or [], theirs or [])]
            difference = max(gaps, default=0.0)
        cases, largest, share = found.get(kind, (0, 0.0, 0.0))
        found[kind] = cases + 1, max(largest, difference), max(share, difference / bound)
        if not difference <= bound:
            wrong.append((difference, question, mine, theirs))
    for kind, (cases, largest, share) in sorted(found.items()):
        note = f"  {share:.0%} of what five standard errors allow" if "resampled" in kind else ""
        print(f"  {kind:<28}{cases:>5} cases, largest difference {largest:.1e}{note}")
    closed = [largest for kind, (_, largest, _) in found.items() if "resampled" not in kind]
    print(f"statistics: {len(questions)} cases of {len(found)} functions; closed forms differ by {max(closed):.1e} at most")
    for difference, question, mine, theirs in wrong[:20]:
        print(f"WRONG by {difference:.2e}: {json.dumps(question)[:300]}\n  ours   {str(mine)[:300]}\n  theirs {str(theirs)[:300]}")
    sys.exit(f"{len(wrong)} answers differ" if wrong else 0)


main()
