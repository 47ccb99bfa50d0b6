# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table, the bars and the curves of measured rows.

A row is {network, name, group, tool, rows, float, metric, same, sqnr_db,
weight_bytes, cost} or has a "reason" instead of figures."""
import rows


def key(line):
    return line["network"], line["name"], line["tool"]


TITLES = (f"{'network':18} {'format':14} {'by':11} {'rows':>6} {'float':>7} {'quant.':>7} {'same %':>7} {'SQNR dB':>8} "
          f"{'weights':>10} {'s':>7} {'CPU s':>7} {'peak MB':>8}  bars")


def cells(line):
    begin = f"{line['network']:18} {line['name']:14} {line['tool']:11}"
    if "reason" in line:
        return f"{begin} {line['reason']}"
    cost = line["cost"]
    return (f"{begin} {line['rows']:6} {line['float']:7.2f} {line['metric']:7.2f} {line['same']:7.2f} "
            f"{line['sqnr_db']:8.2f} {line['weight_bytes'] / 1e6:7.3f} MB {cost['seconds']:7.1f} "
            f"{cost['cpu_seconds']:7.1f} {cost['peak_bytes'] / 1e6:8.0f}"
            + (f"  {line['tokens_per_s']:.0f} tokens/s" if "tokens_per_s" in line else ""))


def bars(line, lines):
    """[(what is asked for, whether the row does)] of a row of qc's."""
    if line["tool"] != "qc" or "reason" in line:
        return []
    found = []
    others = [other for other in lines if other["network"] == line["network"] and "reason" not in other]
    if line["name"] == "W8A8" and line["network"] != rows.LANGUAGE_NAME:
        peers = [other for other in others if other["name"] == "W8A8" and other["tool"] != "qc"]
        for figure, unit in (("sqnr_db", "dB"), ("same", "% same")):
            if peers:
                best = max(other[figure] for other in peers)
                found.append((f"peers' {best:.2f} {unit}", line[figure] >= best))
        found.append(("float - 0.5", line["metric"] >= line["float"] - 0.5))
    for network, name, figure, sign, value in rows.BARS:
        if (network, name) == (line["network"], line["name"]):
            actual = line["cost"][figure] if figure in line["cost"] else line[figure]
            found.append((f"{figure} {sign} {value:g}", actual >= value if sign == ">=" else actual <= value))
    if line["group"] == "mixed":
        for other in others:
            # Smaller or of the same size, and better.
            if other["group"] != "mixed" and other["tool"] == "qc" and other["name"] == rows.UNIFORM_OF.get(line["name"]):
                found.append((f"{other['name']}'s {other['sqnr_db']:.2f} dB", line["sqnr_db"] > other["sqnr_db"]))
                found.append((f"its {other['weight_bytes'] / 1e6:.3f} MB",
                              line["weight_bytes"] <= 1.02 * other["weight_bytes"]))
    return found


def row(line, lines):
    judged = "; ".join(f"{text}: {'met' if good else 'MISSED'}" for text, good in bars(line, lines))
    print(f"{cells(line)}  {judged}", flush=True)


def show(result):
    print(f"CPU: {result['cpu']}")
    print(TITLES)
    lines = result["rows"]
    for line in lines:
        row(line, lines)
    judged = [good for line in lines for _, good in bars(line, lines)]
    print(f"{sum(judged)} bars met, {len(judged) - sum(judged)} missed")


STYLES = {"qc, uniform": ("o-", "tab:blue"), "qc, mixed": ("s-", "tab:green"), "qc": ("o", "tab:blue"),
          "onnxruntime": ("x", "tab:red"), "nncf": ("+", "tab:orange")}
COLUMNS = 3  # networks beside each other


def plot(result, file):
    """SQNR and below it the metric against the size of the weights, of each network.
    Points of a curve are formats of one kind; a language model's are not."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    matplotlib.rcParams["svg.fonttype"] = "none"
    lines = [line for line in result["rows"] if "reason" not in line]
    names = sorted(dict.fromkeys(line["network"] for line in lines))
    bands = -(-len(names) // COLUMNS)
    figure, axes = pyplot.subplots(2 * bands, COLUMNS, squeeze=False, figsize=(4 * COLUMNS, 5 * bands), layout="constrained")
    for axis in axes.flat:
        axis.set_visible(False)
    for index, name in enumerate(names):
        own = [line for line in lines if line["network"] == name]
        series = {}
        for line in own:
            kind = line["tool"]
            if kind == "qc" and line["group"] != "lm":
                kind = "qc, mixed" if line["group"] == "mixed" else "qc, uniform"
            series.setdefault(kind, []).append(line)
        top = 2 * (index // COLUMNS)
        for row, what in ((top, "sqnr_db"), (top + 1, "metric")):
            axis = axes[row][index % COLUMNS]
            axis.set_visible(True)
            for kind, points in series.items():
                points.sort(key=lambda line: line["weight_bytes"])
                style, color = STYLES[kind]
                axis.plot([line["weight_bytes"] / 1e6 for line in points], [line[what] for line in points], style,
                          color=color, label=kind)
                if kind == "qc":
                    for line in points:
                        axis.annotate(line["name"], (line["weight_bytes"] / 1e6, line[what]), fontsize="x-small")
            axis.set_xlim(0, 1.12e-6 * max(line["weight_bytes"] for line in own))
            axis.set_ylabel("output SQNR, dB" if what == "sqnr_db" else "metric (line: float)")
        axis.axhline(own[0]["float"], color="black", linewidth=0.8)
        axis.set_xlabel("MB of weights")
        axes[top][index % COLUMNS].set_title(name)
        axes[top][index % COLUMNS].legend(fontsize="small")
    figure.suptitle(result["cpu"])
    figure.savefig(file)
